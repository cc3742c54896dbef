"""Matrices of three rows and columns: what colours need of them, without NumPy."""

Matrix = tuple[tuple[float, ...], ...]
Vector = tuple[float, ...]


def inverse(m: Matrix) -> Matrix:
    """The inverse of a matrix; raises ValueError if there is none."""
    (a, b, c), (d, e, f), (g, h, i) = m
    minors = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    whole = a * minors[0][0] + b * minors[1][0] + c * minors[2][0]
    if abs(whole) < 1e-6:
        raise ValueError("the matrix has no inverse")
    return tuple(tuple(value / whole for value in row) for row in minors)


def times(matrix: Matrix, vector: Vector) -> Vector:
    """A matrix with a vector."""
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def product(one: Matrix, other: Matrix) -> Matrix:
    """One matrix with another."""
    return transposed(tuple(times(one, column) for column in transposed(other)))


def scaled_columns(matrix: Matrix, factors: Vector) -> Matrix:
    """Each column times its factor."""
    return tuple(tuple(value * by for value, by in zip(row, factors, strict=True)) for row in matrix)


def transposed(matrix: Matrix) -> Matrix:
    """Rows as columns."""
    return tuple(zip(*matrix, strict=True))
