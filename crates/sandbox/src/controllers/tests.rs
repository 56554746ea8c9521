//! Controllers over a registry, in virtual time.
