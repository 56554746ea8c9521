//! Who may log in: accounts as Argo CD keeps them.

pub(crate) mod bootstrap;
pub(crate) mod limit;
pub(crate) mod link;
pub(crate) mod password;
pub(crate) mod random;
pub(crate) mod settings;
pub(crate) mod token;
