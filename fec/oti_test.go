package fec

import (
	"errors"
	"testing"
)

func TestValidate(t *testing.T) {
	tests := []struct {
		name string
		oti  OTI
		ok   bool
	}{
		{"usual", OTI{10 << 30, 1408, 200, 255}, true},
		{"empty object", OTI{0, 1408, 200, 255}, true},
		{"one symbol without repair", OTI{300, 300, 1, 1}, true},
		{"largest block", OTI{1 << 20, 64, 255, 255}, true},
		{"longest object", OTI{MaxTransferLength, 65535, 200, 255}, true},
		{"as many blocks as an SBN counts", OTI{1<<32 - 1, 1, 1, 1}, true},
		{"one block more", OTI{1 << 32, 1, 1, 1}, false},
		{"too long", OTI{MaxTransferLength + 1, 65535, 200, 255}, false},
		{"length near overflow", OTI{1<<64 - 1, 65535, 200, 255}, false},
		{"no symbol length", OTI{100, 0, 200, 255}, false},
		{"no block", OTI{100, 10, 0, 255}, false},
		{"n below k", OTI{100, 10, 200, 199}, false},
		{"n above the field", OTI{100, 10, 200, 256}, false},
		{"k above the field", OTI{100, 10, 300, 300}, false},
		{"zero", OTI{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.oti.Validate()
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrOTI) {
				t.Errorf("Validate: %v, want ok = %v", err, tt.ok)
			}
			p, perr := tt.oti.Partition()
			if (perr == nil) != tt.ok {
				t.Errorf("Partition: %v, want ok = %v", perr, tt.ok)
			}
			if tt.ok && p.OTI() != tt.oti {
				t.Errorf("OTI() = %+v, want %+v", p.OTI(), tt.oti)
			}
		})
	}
}
