//! Agreement with recorded answers of upstream's own functions.

mod actions;
mod diff;
mod health;
mod hooks;
mod lua_sandbox;
mod normalize;
mod sync_order;
mod tracking;

use tiphys_vectors::{compare, compare_as};
