//! The program `tiphys`.

fn main() {}
