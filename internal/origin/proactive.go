package origin

import (
	"fmt"
	"math"

	"fanfare/fec"
	"fanfare/internal/api"
	"fanfare/internal/carousel"
	"fanfare/sender"
)

// repairPolicy is how much repair goes with a publication unasked; the zero value leaves it to the
// sender.
type repairPolicy struct {
	fixed bool
	share float64 // of the source symbols
}

// parseRepairPolicy reads the option of a publication. The error is an *api.Error.
func parseRepairPolicy(text string) (repairPolicy, error) {
	share, auto, err := api.ParseProactive(text)
	if err != nil {
		return repairPolicy{}, api.BadRequest(fmt.Errorf("proactive repair %q is not known", text), "give auto, none, or a share such as 10%")
	}
	return repairPolicy{fixed: !auto, share: share}, nil
}

// cut makes room for the share in the blocks of a bundle, if it must.
func (p repairPolicy) cut(oti fec.OTI) fec.OTI {
	if p.share > 0 {
		oti.MaxBlock = min(oti.MaxBlock, carousel.MaxBlock(p.share))
	}
	return oti
}

// symbols returns sender.ObjectInfo.Proactive for a bundle.
func (p repairPolicy) symbols(oti fec.OTI) int {
	part, err := oti.Partition()
	switch {
	case !p.fixed:
		return 0
	case err != nil || p.share == 0 || part.Blocks() == 0:
		return sender.NoProactive
	}
	return int(math.Ceil(p.share * float64(part.SourceSymbols(0))))
}
