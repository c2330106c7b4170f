"""`python -m tests.interop.peers` lists the peer programs that are missing."""

from tests.interop.peers.programs import PROGRAMS, missing_programs

missing = missing_programs()
print(f"real peers: {len(PROGRAMS) - len(missing)} of {len(PROGRAMS)} are here")
for line in missing:
    print(f"  missing: {line}")
