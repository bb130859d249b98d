package api

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseProactive reads how much repair goes with a publication unasked: "auto" or nothing, "none", or a
// share of it such as "10%", up to 100%. auto is as much as the losses that edges report make worth
// while; else share is the part of the source symbols, 0 for none.
func ParseProactive(text string) (share float64, auto bool, err error) {
	switch text {
	case "", "auto":
		return 0, true, nil
	case "none":
		return 0, false, nil
	}
	number, percent := strings.CutSuffix(text, "%")
	share, err = strconv.ParseFloat(number, 64)
	if err != nil || !percent || !(share >= 0 && share <= 100) {
		return 0, false, fmt.Errorf("api: proactive repair %q is none of auto, none and a share such as 10%%", text)
	}
	return share / 100, false, nil
}
