package origin

import "testing"

// An entry that is longer than a symbol is cut into one block.
func TestControlOTI(t *testing.T) {
	for _, length := range []int{1, 1408, 1409, 4096} {
		oti := controlOTI(length, 1408)
		partition, err := oti.Partition()
		if err != nil || partition.Blocks() != 1 || int(oti.TransferLength) != length {
			t.Errorf("%d bytes: %+v, %d blocks, %v", length, oti, partition.Blocks(), err)
		}
		if length <= 1408 && int(oti.SymbolLength) != length {
			t.Errorf("%d bytes in symbols of %d", length, oti.SymbolLength)
		}
	}
}
