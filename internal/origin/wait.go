package origin

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"fanfare/internal/api"
)

// handleWait sends receipts until all expected edges serve the entries, or the time is over.
func (o *Origin) handleWait(w http.ResponseWriter, r *http.Request) error {
	if err := o.errNoReceipts(); err != nil {
		return err
	}
	sequences, timeout, err := o.waitQuery(r)
	if err != nil {
		return err
	}
	o.sendReceipts(r.Context(), newLines(w), sequences, timeout)
	return nil
}

// waitQuery reads the parameters of a wait.
func (o *Origin) waitQuery(r *http.Request) (s api.Sequences, timeout time.Duration, err error) {
	query := r.URL.Query()
	s.Generation = o.session.Generation.String()
	if g := query.Get("generation"); g != "" && g != s.Generation {
		return s, 0, &api.Error{
			Status: http.StatusConflict, Message: fmt.Sprintf("the entries waited for are of generation %q, and this origin's is %s", g, s.Generation),
		}
	}
	if s.Last, err = strconv.ParseUint(query.Get("last"), 10, 64); err != nil {
		return s, 0, api.BadRequest(fmt.Errorf("last %q is not a sequence", query.Get("last")), "")
	}
	s.First = s.Last
	if text := query.Get("first"); text != "" {
		if s.First, err = strconv.ParseUint(text, 10, 64); err != nil {
			return s, 0, api.BadRequest(fmt.Errorf("first %q is not a sequence", text), "")
		}
	}
	o.mu.RLock()
	head := o.head.Sequence
	o.mu.RUnlock()
	if s.First < 1 || s.First > s.Last || s.Last > head {
		return s, 0, api.BadRequest(fmt.Errorf("entries %d to %d are not in the log, which ends at %d", s.First, s.Last, head), "")
	}
	timeout, err = parseTimeout(query.Get("timeout"))
	return s, timeout, err
}

// parseTimeout reads how long edges are waited for, 30 seconds if text is empty.
func parseTimeout(text string) (time.Duration, error) {
	if text == "" {
		return 30 * time.Second, nil
	}
	timeout, err := time.ParseDuration(text)
	if err != nil || timeout < 0 || timeout > api.MaxWait {
		return 0, api.BadRequest(fmt.Errorf("timeout %q is not a duration up to %v, such as 30s", text, api.MaxWait), "")
	}
	return timeout, nil
}
