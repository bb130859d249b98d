#!/usr/bin/env python3
"""Compute Reed-Solomon vectors straight from the formula of RFC 5510 section 8.

Writes vectors.json beside itself: for several (k, n) the source symbols and all repair
symbols. It shares nothing with the Go code: field elements are multiplied bit by bit,
V(k,k) is inverted by Gauss-Jordan elimination, and the generator matrix is the product
G = V(k,k)^-1 * V(k,n) with v(i,j) = alpha^(i*j).

    python3 vectors.py
"""

import json
import pathlib
import random

POLYNOMIAL = 0x11D  # x^8 + x^4 + x^3 + x^2 + 1
ALPHA = 2
SHAPES = [(1, 1), (1, 4), (2, 3), (3, 5), (4, 7), (10, 14), (17, 255), (64, 80), (128, 140), (200, 255), (254, 255)]


def multiply(a, b):
    """The product in GF(2^8), by shift and add."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 0x100:
            a ^= POLYNOMIAL
        b >>= 1
    return product


# The same product for every pair, so that (254, 255) takes seconds and not minutes.
PRODUCT = [[multiply(a, b) for b in range(256)] for a in range(256)]


def power(a, exponent):
    result = 1
    for _ in range(exponent):
        result = PRODUCT[result][a]
    return result


def inverse_of(a):
    return PRODUCT[a].index(1)


def vandermonde(rows, columns):
    alphas = [power(ALPHA, i) for i in range(255)]
    return [[alphas[i * j % 255] for j in range(columns)] for i in range(rows)]


def invert(matrix):
    """The inverse, by Gauss-Jordan elimination on [matrix | identity]."""
    size = len(matrix)
    work = [row[:] + [int(i == j) for j in range(size)] for i, row in enumerate(matrix)]
    for column in range(size):
        pivot = next(r for r in range(column, size) if work[r][column])
        work[column], work[pivot] = work[pivot], work[column]
        scale = PRODUCT[inverse_of(work[column][column])]
        work[column] = [scale[v] for v in work[column]]
        for r in range(size):
            factor = work[r][column]
            if r != column and factor:
                times = PRODUCT[factor]
                work[r] = [v ^ times[p] for v, p in zip(work[r], work[column])]
    return [row[size:] for row in work]


def product(a, b):
    columns = list(zip(*b))
    result = []
    for row in a:
        tables = [PRODUCT[v] for v in row]
        out = []
        for column in columns:
            total = 0
            for table, v in zip(tables, column):
                total ^= table[v]
            out.append(total)
        result.append(out)
    return result


def vector(k, n, rng):
    length = 8 if n <= 80 else 3
    source = [[rng.randrange(256) for _ in range(length)] for _ in range(k)]
    generator = product(invert(vandermonde(k, k)), vandermonde(k, n))
    for i in range(k):  # systematic, or the inversion is wrong
        assert generator[i][:k] == [int(i == j) for j in range(k)]
    # Encoding symbol j is the sum of G[i][j] * source symbol i: transpose, then multiply.
    columns = [[row[j] for row in generator] for j in range(k, n)]
    repair = product(columns, source)
    return {
        "k": k,
        "n": n,
        "source": [bytes(s).hex() for s in source],
        "repair": [bytes(s).hex() for s in repair],
    }


def main():
    rng = random.Random(5510)
    vectors = [vector(k, n, rng) for k, n in SHAPES]
    lines = ",\n".join(json.dumps(v) for v in vectors)
    path = pathlib.Path(__file__).with_name("vectors.json")
    path.write_text("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
