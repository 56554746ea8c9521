//! Seeded runs of the controllers on the sandbox in virtual time, with faults and invariants.
