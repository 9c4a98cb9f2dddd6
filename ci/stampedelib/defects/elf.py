"""Compares ELF files by what is loaded into memory: if that is equal, they are the same program."""
import hashlib
import struct
from pathlib import Path

SHF_ALLOC = 2
SHT_NOBITS = 8
BUILD_ID = b".note.gnu.build-id"  # a hash of the whole file, with debug information


def loaded_digest(path: Path) -> str:
    """A hash of the loaded sections: their names, addresses and contents. Raises ValueError."""
    image = path.read_bytes()
    if image[:5] != b"\x7fELF\x02":
        raise ValueError(f"{path}: not a 64-bit ELF file")
    (table,) = struct.unpack_from("<Q", image, 0x28)
    entry_size, count, names_index = struct.unpack_from("<HHH", image, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", image, table + i * entry_size) for i in range(count)]
    names_at = headers[names_index][4]
    digest = hashlib.sha256()
    for name_at, kind, flags, address, offset, size in headers:
        start = names_at + name_at
        name = image[start:image.index(b"\0", start)]
        if not flags & SHF_ALLOC or name == BUILD_ID:
            continue
        digest.update(name + struct.pack("<QQ", address, size))
        if kind != SHT_NOBITS:
            digest.update(image[offset:offset + size])
    return digest.hexdigest()
