//! Where the sandbox keeps its state.

use std::path::PathBuf;

/// Name of the kubeconfig that a running sandbox writes into its data directory.
pub(crate) const KUBECONFIG: &str = "kubeconfig";

/// Returns the data directory: `$TIPHYS_DATA`, else `$XDG_DATA_HOME/tiphys`, else `~/.local/share/tiphys`, else `.tiphys`.
pub(crate) fn directory() -> PathBuf {
    choose(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
}

fn choose(variable: impl Fn(&str) -> Option<PathBuf>) -> PathBuf {
    variable("TIPHYS_DATA")
        .or_else(|| variable("XDG_DATA_HOME").map(|path| path.join("tiphys")))
        .or_else(|| variable("HOME").map(|path| path.join(".local/share/tiphys")))
        .unwrap_or_else(|| PathBuf::from(".tiphys"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_is_the_nearest_that_is_named() {
        for (set, expected) in [
            (vec!["TIPHYS_DATA", "HOME"], "/TIPHYS_DATA"),
            (vec!["XDG_DATA_HOME", "HOME"], "/XDG_DATA_HOME/tiphys"),
            (vec!["HOME"], "/HOME/.local/share/tiphys"),
            (vec![], ".tiphys"),
        ] {
            let found = choose(|name| set.contains(&name).then(|| PathBuf::from(format!("/{name}"))));
            assert_eq!(found, PathBuf::from(expected), "{set:?}");
        }
    }
}
