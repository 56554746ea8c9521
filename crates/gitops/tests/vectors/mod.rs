//! Agreement with recorded answers of upstream's own functions.

mod project;
mod retry;
mod sync_window;

use tiphys_vectors::compare;
