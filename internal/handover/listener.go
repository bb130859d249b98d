package handover

import (
	"context"
	"net"
)

// Listener makes Conns of the connections of a Unix socket.
type Listener struct{ *net.UnixListener }

// Accept implements net.Listener; what it returns is a *Conn.
func (l Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return New(c), nil
}

// Dial connects to the Unix socket at path.
func Dial(ctx context.Context, path string) (*Conn, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	return New(c.(*net.UnixConn)), nil
}

// contextKey is where WithConn keeps the connection of a request.
type contextKey struct{}

// WithConn is for http.Server.ConnContext: handlers find the connection with FromContext.
func WithConn(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(*Conn); ok {
		return context.WithValue(ctx, contextKey{}, c)
	}
	return ctx
}

// FromContext returns the connection that a request came on; nil if no file can come on it.
func FromContext(ctx context.Context) *Conn {
	c, _ := ctx.Value(contextKey{}).(*Conn)
	return c
}
