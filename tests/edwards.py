"""Points of Edwards25519 in affine coordinates, as slow and as plain as RFC 8032 writes them: what tests compare with.

times(8, add(BASE, point_of(data)))
"""

PRIME = 2**255 - 19
D = -121665 * pow(121666, -1, PRIME) % PRIME


def add(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """The sum of two points of Edwards25519 (RFC 8032 §5.1.4, in affine coordinates)."""
    (x1, y1), (x2, y2) = one, other
    cross = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + cross, -1, PRIME)
    return x % PRIME, (y1 * y2 + x1 * x2) * pow(1 - cross, -1, PRIME) % PRIME


def point_of(data: bytes) -> tuple[int, int]:
    """The point that 32 bytes spell (RFC 8032, 5.1.3)."""
    y = int.from_bytes(data, "little") & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    x = x if x * x % PRIME == square else x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    assert x * x % PRIME == square
    return (x if x & 1 == data[31] >> 7 else PRIME - x), y


def times(number: int, point: tuple[int, int]) -> tuple[int, int]:
    found = (0, 1)
    for bit in reversed(range(number.bit_length())):
        found = add(found, found)
        found = add(found, point) if number >> bit & 1 else found
    return found


BASE = point_of((4 * pow(5, -1, PRIME) % PRIME).to_bytes(32, "little"))
"""The base point of Ed25519."""
