package origin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"fanfare/control"
	"fanfare/fec"
	"fanfare/internal/api"
	"fanfare/internal/carousel"
	"fanfare/internal/handover"
	"fanfare/internal/mono"
	"fanfare/internal/origin/spool"
	"fanfare/sender"
)

const (
	// maxRequest is the longest JSON request, in bytes.
	maxRequest = 16 << 20
	// maxListed is how many rows one answer of ls has.
	maxListed = 1000
)

// localHandler is the local API.
func (o *Origin) localHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /v1/publish", o.endpoint(o.followed(o.handlePublish)))
	mux.Handle("POST /v1/purge", o.endpoint(o.followed(o.handlePurge)))
	mux.Handle("POST /v1/remove", o.endpoint(o.followed(o.handleRemove)))
	mux.Handle("GET /v1/wait", o.endpoint(o.handleWait))
	mux.Handle("GET /v1/ls", o.endpoint(o.handleList))
	mux.Handle("GET /v1/status", o.endpoint(o.handleStatus))
	mux.Handle("DELETE /v1/edges/{name}", o.endpoint(o.handleForget))
	o.handleCommon(mux)
	return mux
}

// edgeHandler is what edges and monitoring use.
func (o *Origin) edgeHandler() http.Handler {
	mux := http.NewServeMux()
	o.handleCommon(mux)
	return mux
}

func (o *Origin) handleCommon(mux *http.ServeMux) {
	mux.Handle("GET /v1/entries", o.endpoint(o.handleEntries))
	mux.Handle("GET /v1/bundles/{sequence}", o.endpoint(o.handleBundle))
	mux.Handle("POST /v1/proof", o.endpoint(o.handleProof))
	mux.Handle("GET /metrics", o.metricsHandler())
	mux.Handle("GET /healthz", o.endpoint(o.handleHealth))
	mux.Handle("GET /readyz", o.endpoint(o.handleReady))
	mux.Handle("/", o.endpoint(func(_ http.ResponseWriter, r *http.Request) error {
		return &api.Error{Status: http.StatusNotFound, Message: fmt.Sprintf("%s %s is not in this API", r.Method, r.URL.Path)}
	}))
}

// handleHealth answers 200 while the loop goes round.
func (o *Origin) handleHealth(w http.ResponseWriter, r *http.Request) error {
	if err := o.loop.ask(r.Context(), func(mono.Time) {}); err != nil {
		return &api.Error{Status: http.StatusServiceUnavailable, Message: err.Error()}
	}
	_, _ = io.WriteString(w, "ok\n") // who asked may be gone
	return nil
}

// handlePublish reads a tar stream and publishes it.
func (o *Origin) handlePublish(w http.ResponseWriter, r *http.Request) (any, api.Sequences, error) {
	place, err := o.publishing.enter(r.Context())
	if err != nil {
		return nil, api.Sequences{}, err
	}
	defer place.leave()
	query := r.URL.Query()
	options := api.PublishOptions{Host: query.Get("host"), Prefix: query.Get("prefix"), Tags: query["tag"]}
	for _, h := range query["header"] {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return nil, api.Sequences{}, api.BadRequest(fmt.Errorf("header %q has no colon", h), "write it as name:value")
		}
		options.Headers = append(options.Headers, api.Header{Name: name, Value: value})
	}
	options.Priority, options.Proactive = query.Get("priority"), query.Get("proactive")
	body := newBody(w, r)
	files := handover.FromContext(r.Context())
	if files != nil {
		defer files.Drop()
	}
	grow := func(bytes uint64) error { return place.grow(r.Context(), bytes) }
	result, err := o.publish(body, files, options, grow)
	if err != nil && files != nil && files.Lost() {
		err = errFewFiles
	}
	if err != nil {
		return nil, api.Sequences{}, err
	}
	return result, result.Sequences, nil
}

// errFewFiles answers a publisher whose files did not come in.
var errFewFiles = &api.Error{
	Status: http.StatusServiceUnavailable, Message: "the origin has as many files open as its system allows it; nothing was published",
	Hint: "publish again, or raise the origin's limit of open files (ulimit -n, or LimitNOFILE= of systemd) and restart it",
}

// publish publishes a tar stream; files, if not nil, has those that were handed over open. grow is
// told how much there is of it, and may wait.
func (o *Origin) publish(stream io.Reader, files *handover.Conn, options api.PublishOptions, grow func(bytes uint64) error) (_ *api.PublishResult, err error) {
	priority, err := sender.ParsePriority(options.Priority)
	if err != nil {
		return nil, api.BadRequest(fmt.Errorf("priority %q is not known", options.Priority), "give urgent, normal or background")
	}
	repair, err := parseRepairPolicy(options.Proactive)
	if err != nil {
		return nil, err
	}
	intake := spool.Intake{OTI: repair.cut(o.bundleOTI()), Options: options, Grow: grow}
	if files != nil {
		intake.NextFile = files.Next
	}
	in, err := o.spool.Receive(intake)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Discard()) }()
	bundles, err := in.Read(stream)
	if err != nil {
		if errors.Is(err, spool.ErrSync) {
			o.fail(err)
		}
		return nil, err
	}
	drafts := make([]draft, len(bundles))
	for i, s := range bundles {
		drafts[i] = draft{entry: control.Entry{Kind: control.KindPublish, Publish: &s.Publish}, staged: s, priority: priority, repair: repair}
	}
	sequences, err := o.append(drafts)
	if err != nil {
		return nil, err
	}
	return &api.PublishResult{
		Sequences: sequences, Objects: in.Objects, Bytes: in.Bytes, Bundles: len(bundles), Edges: o.edges.Count(),
	}, nil
}

// bundleOTI returns how a bundle that is published now is cut, but for its length: the more
// the edges lose, the fewer source symbols has a block of 255.
func (o *Origin) bundleOTI() fec.OTI {
	oti := fec.OTI{SymbolLength: uint16(o.session.SymbolLength), MaxSymbols: fec.MaxSymbols}
	if o.session.OneWay() {
		oti.MaxBlock = carousel.MaxBlock(o.config.proactive())
	} else {
		oti.MaxBlock = uint16(sender.MaxBlock(o.edges.LossPercentile(time.Now(), sender.MaxBlockPercentile)))
	}
	return oti
}

// handlePurge appends purge entries.
func (o *Origin) handlePurge(w http.ResponseWriter, r *http.Request) (any, api.Sequences, error) {
	var request api.PurgeRequest
	if err := readJSON(w, r, &request); err != nil {
		return nil, api.Sequences{}, err
	}
	keys, err := parseKeys("key", request.Keys)
	if err != nil {
		return nil, api.Sequences{}, err
	}
	selectors := selectorsOf(keys)
	for _, t := range request.Tags {
		selectors = append(selectors, control.Selector{Kind: control.SelectTag, Tag: t})
	}
	prefixes, err := parseKeys("prefix", request.Prefixes)
	if err != nil {
		return nil, api.Sequences{}, err
	}
	for _, prefix := range prefixes {
		selectors = append(selectors, control.Selector{Kind: control.SelectPrefix, Key: prefix})
	}
	if request.All {
		selectors = append(selectors, control.Selector{Kind: control.SelectAll})
	}
	if len(selectors) == 0 {
		return nil, api.Sequences{}, api.BadRequest(errors.New("nothing was named to purge"), "name keys, tags, prefixes, or all")
	}
	return o.invalidate(selectorDrafts(selectors))
}

// handleRemove appends remove entries.
func (o *Origin) handleRemove(w http.ResponseWriter, r *http.Request) (any, api.Sequences, error) {
	var request api.RemoveRequest
	if err := readJSON(w, r, &request); err != nil {
		return nil, api.Sequences{}, err
	}
	keys, err := parseKeys("key", request.Keys)
	if err != nil {
		return nil, api.Sequences{}, err
	}
	if len(keys) == 0 {
		return nil, api.Sequences{}, api.BadRequest(errors.New("no key was named to remove"), "")
	}
	return o.invalidate(removeDrafts(keys))
}

// parseKey reads a key, or the beginning of one, as an operator wrote it.
func parseKey(what, text string) (control.Key, error) {
	key, err := control.ParseKey(text)
	if err != nil {
		return key, api.BadRequest(fmt.Errorf("%s %q: %w", what, text, err), "")
	}
	return key, nil
}

// parseKeys reads what is to be taken away. A bare word is refused: it would be a host, and who
// writes one means a path as a rule.
func parseKeys(what string, texts []string) ([]control.Key, error) {
	keys := make([]control.Key, len(texts))
	for i, text := range texts {
		if text != "" && !strings.Contains(text, "/") {
			return nil, api.BadRequest(fmt.Errorf("%s %q has no slash", what, text),
				fmt.Sprintf("write /%s for that path on every host, or %s/ for that host", text, text))
		}
		key, err := parseKey(what, text)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	return keys, nil
}

// readJSON reads a request.
func readJSON(w http.ResponseWriter, r *http.Request, value any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return api.BadRequest(fmt.Errorf("the request is not what it should be: %w", err), "")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return api.BadRequest(errors.New("the request is not what it should be: there is more behind it"), "")
	}
	return nil
}

// handleList answers with rows in key order.
func (o *Origin) handleList(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	var prefix, after control.Key
	var err error
	if p := query.Get("prefix"); p != "" {
		if prefix, err = parseKey("prefix", p); err != nil {
			return err
		}
	}
	if a := query.Get("after"); a != "" {
		if after, err = parseKey("after", a); err != nil {
			return err
		}
	}
	limit := maxListed
	if l := query.Get("limit"); l != "" {
		if limit, err = strconv.Atoi(l); err != nil || limit < 1 {
			return api.BadRequest(fmt.Errorf("limit %q is not a number above 0", l), "")
		}
		limit = min(limit, maxListed)
	}
	o.mu.RLock()
	rows := o.catalogue.List(prefix, after, limit)
	o.mu.RUnlock()
	listing := api.Listing{Rows: make([]api.Row, len(rows))}
	for i := range rows {
		listing.Rows[i] = apiRow(&rows[i])
	}
	if len(rows) == limit {
		listing.More = rows[limit-1].Key.String()
	}
	writeJSON(w, http.StatusOK, &listing)
	return nil
}

func apiRow(row *control.Row) api.Row {
	r := api.Row{
		Key: row.Key.String(), Length: row.Length, Sequence: row.Version,
		Digest: row.Digest.String(), Tags: row.Tags,
	}
	for _, h := range row.Headers {
		r.Headers = append(r.Headers, api.Header(h))
	}
	return r
}

// handleForget makes an edge unexpected.
func (o *Origin) handleForget(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	switch meant := o.edges.Forget(name); {
	case len(meant) == 0:
		return &api.Error{Status: http.StatusNotFound, Message: fmt.Sprintf("no edge is named %q", name), Hint: "fanfare status lists them"}
	case len(meant) > 1:
		return &api.Error{
			Status: http.StatusConflict, Message: fmt.Sprintf("%d edges are named %q", len(meant), name),
			Hint: "say which one by its id: " + strings.Join(meant, ", "),
		}
	}
	if err := o.storeEdges(); err != nil {
		o.fail(err)
		return err
	}
	o.log.Info("edge is no longer expected", "edge", name)
	writeJSON(w, http.StatusOK, struct{}{})
	return nil
}
