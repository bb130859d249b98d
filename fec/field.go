package fec

// fieldPolynomial is the primitive polynomial of GF(2^8), RFC 5510 §8.1; alpha = 2 is a
// root of it.
const fieldPolynomial = 0x11d

// order is the number of powers of alpha; logarithms are taken modulo it.
const order = 255

// field has the tables by which the generator is computed in logarithms. The symbols
// themselves are multiplied by klauspost/reedsolomon, whose field is the same.
var field = makeField()

type fieldTables struct {
	// exp[i] is alpha^i.
	exp [order]byte
	// logSum[d] is the logarithm of 1 + alpha^d, for d from 1 to 254.
	logSum [order]uint8
	// prefix[d] is the sum of logSum[1..d], modulo 255.
	prefix [order]uint8
}

func makeField() *fieldTables {
	var t fieldTables
	var log [256]uint8
	x := 1
	for i := range order {
		t.exp[i] = byte(x)
		log[x] = uint8(i)
		if x <<= 1; x > 0xff {
			x ^= fieldPolynomial
		}
	}
	sum := 0
	for d := 1; d < order; d++ {
		t.logSum[d] = log[t.exp[d]^1]
		sum += int(t.logSum[d])
		t.prefix[d] = uint8(sum % order)
	}
	return &t
}

// power returns alpha^log for any log, negative ones too.
func power(log int) byte {
	log %= order
	if log < 0 {
		log += order
	}
	return field.exp[log]
}

// logSum returns the logarithm of alpha^i + alpha^j, not reduced. i and j must differ.
func logSum(i, j int) int {
	if i > j {
		i, j = j, i
	}
	return i + int(field.logSum[j-i])
}
