//! Where the sandbox keeps its state.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use crate::error::Failure;

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

/// Writes a file that only its owner can read, in one step: whoever reads it meanwhile finds the former one.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<(), Failure> {
    write(path, text).map_err(|error| Failure::new(format!("{} cannot be written", path.display())).caused_by(error))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;

    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;

        let folder = std::env::temp_dir().join(format!("tiphys-data-{}", std::process::id()));
        let path = folder.join("deep/kubeconfig");
        write_secret(&path, "one").unwrap();
        write_secret(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_dir_all(&folder).unwrap();
    }

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
