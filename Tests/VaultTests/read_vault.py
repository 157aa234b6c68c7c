"""Opens a vault from its written description alone (Format.md): an independent reader.

Usage: read_vault.py VAULT [DESTINATION-HEX], the passphrase on standard input; without a destination it is that
of each record's own metadata. Prints JSON: {"generation":…,"credentials":{name:{"metadata":hex,"secret":hex}}}.
Uses libsodium and Python's own modules.
"""

import ctypes
import ctypes.util
import hashlib
import json
import sqlite3
import sys

sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
assert sodium.sodium_init() >= 0


def open_box(box, key):
    nonce, sealed = box[:24], box[24:]
    message = ctypes.create_string_buffer(len(sealed) - 16)
    if sodium.crypto_secretbox_open_easy(message, sealed, ctypes.c_ulonglong(len(sealed)), nonce, key):
        sys.exit("a box does not open")
    return message.raw


def argon2id(passphrase, salt, opslimit, memlimit):
    out = ctypes.create_string_buffer(64)
    if sodium.crypto_pwhash(out, ctypes.c_ulonglong(64), passphrase, ctypes.c_ulonglong(len(passphrase)), salt,
                            ctypes.c_ulonglong(opslimit), ctypes.c_size_t(memlimit), 2):
        sys.exit("no memory")
    return out.raw


def blake2b(key, *fields):
    """BLAKE2b-256; each field after its length in 8 bytes, little-endian."""
    hash = hashlib.blake2b(key=key, digest_size=32)
    for field in fields:
        if isinstance(field, int):
            field = field.to_bytes(8, "little")
        elif isinstance(field, str):
            field = field.encode()
        hash.update(len(field).to_bytes(8, "little") + field)
    return hash.digest()


def unpad(data, block):
    assert len(data) % block == 0
    return data[:data.rindex(b"\x80")] if data.rstrip(b"\0").endswith(b"\x80") else sys.exit("bad padding")


def destination_of(metadata):
    """Where the secret may go, from the credential's own words."""
    if len(sys.argv) > 2:
        return bytes.fromhex(sys.argv[2])
    members = json.loads(metadata)
    names = ("token_url", "auth", "ca_certificates", "proxy", "client_id")
    return blake2b(b"", "bursar destination 1", *(members.get(name, "") for name in names))


path = sys.argv[1]
passphrase = sys.stdin.buffer.read()
db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
assert db.execute("PRAGMA application_id").fetchone()[0] == 0x42727372
assert db.execute("PRAGMA user_version").fetchone()[0] == 1
(vault_id, manifest), = db.execute("SELECT id, manifest FROM vault")

master = None
keyslot_hashes = []
for slot, kind, opslimit, memlimit, salt, tag, sealed_key, checksum in db.execute("SELECT * FROM keyslot"):
    assert checksum == blake2b(b"", "bursar 1 keyslot checksum", vault_id, slot, kind, 2, opslimit, memlimit,
                               salt, tag, sealed_key)
    keyslot_hashes.append((slot, checksum))
    derived = argon2id(passphrase, salt, opslimit, memlimit)
    if tag == blake2b(derived[32:], "bursar 1 keyslot", 1, vault_id, slot, kind, 2, opslimit, memlimit, salt):
        master = open_box(sealed_key, derived[:32])
if master is None:
    sys.exit("wrong passphrase")


def subkey(purpose, *fields):
    return blake2b(master, "bursar 1 " + purpose, vault_id, *fields)


row_key = subkey("row hash")
total, count, credentials = 0, 0, {}
for name_index, id, revision, metadata, secret in db.execute("SELECT * FROM record"):
    total += int.from_bytes(blake2b(row_key, "record", name_index, id, revision, metadata, secret), "little")
    count += 1
    plain = unpad(open_box(metadata, subkey("metadata", id, revision)), 256)
    length = int.from_bytes(plain[:2], "little")
    name = plain[2:2 + length].decode()
    assert name_index == blake2b(subkey("name index"), name)
    opened = unpad(open_box(secret, subkey("secret", id, revision, destination_of(plain[2 + length:]))), 128)
    credentials[name] = {"metadata": plain[2 + length:].hex(), "secret": opened.hex()}
for id, revision, name in db.execute("SELECT * FROM tombstone"):
    total += int.from_bytes(blake2b(row_key, "tombstone", id, revision, name), "little")
    count += 1
    unpad(open_box(name, subkey("tombstone", id, revision)), 256)
for slot, checksum in keyslot_hashes:
    total += int.from_bytes(blake2b(row_key, "keyslot", slot, checksum), "little")
    count += 1

sealed = open_box(manifest, subkey("manifest"))
assert len(sealed) == 88
number = lambda start, end: int.from_bytes(sealed[start:end], "little")
assert number(8, 16) == count, "row count"
assert number(16, 48) == total % 2**256, "sum"
print(json.dumps({"generation": number(0, 8), "credentials": credentials}))
