//! Charts that were downloaded: packed files, read in memory within limits.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use tar::{Archive as Tar, EntryType};

use crate::{
    checkout::{Entry, Files, PathError},
    error::RenderError,
    limits::Limits,
};

/// A chart on disk, not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packed {
    /// Its version.
    pub(crate) revision: String,
    /// The hash of the file.
    pub(crate) digest: String,
    pub(crate) path: PathBuf,
}

impl Packed {
    /// Returns the chart that a file holds.
    pub(crate) fn new(revision: &str, path: PathBuf, limits: &Limits) -> Result<Self, RenderError> {
        let unread = |error: io::Error| RenderError::Internal(format!("{}: {error}", path.display()));
        let file = std::fs::File::open(&path).map_err(unread)?;
        if file.metadata().map_err(unread)?.len() > limits.chart_bytes {
            return Err(too_large(limits));
        }
        let mut hash = Sha256::new();
        io::copy(&mut io::BufReader::new(file), &mut Hashed(&mut hash)).map_err(unread)?;
        let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { revision: revision.to_owned(), digest, path })
    }

    /// Reads everything.
    pub(crate) fn unpack(&self, limits: &Limits) -> Result<Unpacked, RenderError> {
        let file = std::fs::File::open(&self.path);
        let file = file.map_err(|error| RenderError::Internal(format!("{}: {error}", self.path.display())))?;
        unpack(file, limits)
    }
}

struct Hashed<'h>(&'h mut Sha256);

impl io::Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The files of a chart, without the folder that all of them are in.
#[derive(Debug, Default)]
pub(crate) struct Unpacked(BTreeMap<String, Node>);

#[derive(Debug)]
enum Node {
    File(Arc<[u8]>),
    Folder,
    Link(String),
}

pub(crate) fn unpack(packed: impl Read, limits: &Limits) -> Result<Unpacked, RenderError> {
    // Also what is between files counts, so that no header can be without end.
    let whole = MultiGzDecoder::new(packed).take(limits.chart_bytes + 1);
    let mut archive = Tar::new(whole);
    let mut unpacked = Unpacked::default();
    let mut left = limits.chart_bytes;
    for entry in archive.entries().map_err(|error| broken(&error))? {
        let mut entry = entry.map_err(|error| broken(&error))?;
        let path = inside(&entry.path().map_err(|error| broken(&error))?)?;
        let Some((_, path)) = path.split_once('/') else { continue };
        let node = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {
                left = left.checked_sub(entry.header().size().unwrap_or(u64::MAX)).ok_or_else(|| too_large(limits))?;
                let mut content = Vec::new();
                entry.read_to_end(&mut content).map_err(|error| broken(&error))?;
                Node::File(content.into())
            }
            EntryType::Directory => Node::Folder,
            EntryType::Symlink => {
                let target = entry.link_name().map_err(|error| broken(&error))?;
                Node::Link(target.map(|target| target.to_string_lossy().into_owned()).unwrap_or_default())
            }
            // Hard links, devices and pipes are nothing that a chart needs.
            _ => continue,
        };
        unpacked.insert(path, node, limits)?;
    }
    Ok(unpacked)
}

/// Returns the path of an entry.
fn inside(path: &Path) -> Result<String, RenderError> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            _ => return Err(RenderError::Tool(format!("the archive has a file outside of it: {}", path.display()))),
        }
    }
    Ok(parts.join("/"))
}

fn broken(error: &io::Error) -> RenderError {
    RenderError::Tool(format!("the archive cannot be read: {error}"))
}

fn too_large(limits: &Limits) -> RenderError {
    RenderError::Limit { what: "the size of the chart", limit: format!("{} bytes", limits.chart_bytes) }
}

impl Unpacked {
    /// Returns the paths of everything.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn insert(&mut self, path: &str, node: Node, limits: &Limits) -> Result<(), RenderError> {
        for (at, _) in path.match_indices('/') {
            self.0.entry(path[..at].to_owned()).or_insert(Node::Folder);
        }
        self.0.insert(path.to_owned(), node);
        if self.0.len() > limits.checkout_files {
            let limit = limits.checkout_files.to_string();
            return Err(RenderError::Limit { what: "the number of files of the chart", limit });
        }
        Ok(())
    }
}

impl Node {
    fn entry(&self) -> Entry {
        match self {
            Self::File(_) => Entry::File,
            Self::Folder => Entry::Folder,
            Self::Link(target) => Entry::Link(target.clone()),
        }
    }
}

impl Files for Unpacked {
    fn look(&self, path: &str) -> Result<Option<Entry>, PathError> {
        Ok(self.0.get(path).map(Node::entry))
    }

    fn list(&self, folder: &str) -> Result<Vec<(String, Entry)>, PathError> {
        let inside = self.0.iter().filter_map(|(path, node)| {
            let rest = if folder.is_empty() { path } else { path.strip_prefix(folder)?.strip_prefix('/')? };
            (!rest.is_empty() && !rest.contains('/')).then(|| (rest.to_owned(), node.entry()))
        });
        Ok(inside.collect())
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, PathError> {
        match self.0.get(path) {
            Some(Node::File(content)) if content.len() as u64 <= limit => Ok(content.to_vec()),
            Some(Node::File(content)) => {
                Err(PathError::TooLarge { path: path.to_owned(), size: content.len() as u64, limit })
            }
            _ => Err(PathError::Missing(path.to_owned())),
        }
    }

    fn what(&self) -> &'static str {
        "chart"
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use tar::{Builder, Header};

    use super::*;

    fn packed(fill: impl FnOnce(&mut Builder<&mut GzEncoder<Vec<u8>>>)) -> Vec<u8> {
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        let mut builder = Builder::new(&mut gz);
        fill(&mut builder);
        builder.finish().unwrap();
        drop(builder);
        gz.finish().unwrap()
    }

    fn header(kind: EntryType, path: &str, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        // `set_path` would refuse what is tested here.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        header
    }

    #[test]
    fn files_are_read_without_their_folder() {
        let bytes = packed(|builder| {
            builder.append(&header(EntryType::Regular, "web/Chart.yaml", 3), &b"abc"[..]).unwrap();
            builder.append(&header(EntryType::Regular, "web/templates/a.yaml", 1), &b"x"[..]).unwrap();
            builder.append(&header(EntryType::Fifo, "web/pipe", 0), io::empty()).unwrap();
        });
        let files = unpack(&bytes[..], &Limits::default()).unwrap();
        let names: Vec<String> = files.list("").unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Chart.yaml", "templates"]);
        assert_eq!(files.read("templates/a.yaml", 10).unwrap(), b"x");
    }

    #[test]
    fn hostile_archives_are_refused() {
        let limits = Limits { chart_bytes: 1 << 20, checkout_files: 10, ..Limits::default() };
        let check = |bytes: &[u8], expected: &str| {
            let error = unpack(bytes, &limits).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        for path in ["../x", "web/../../x", "/etc/x"] {
            let bytes = packed(|builder| {
                builder.append(&header(EntryType::Regular, path, 1), &b"x"[..]).unwrap();
            });
            check(&bytes, "the archive has a file outside of it");
        }
        let zeros = packed(|builder| {
            let size = 100 << 20;
            builder.append(&header(EntryType::Regular, "web/zeros", size), io::repeat(0).take(size)).unwrap();
        });
        assert!(zeros.len() < 1 << 20, "it is small when packed");
        check(&zeros, "the size of the chart exceeds the limit of 1048576 bytes");
        let many = packed(|builder| {
            for number in 0..20 {
                let header = header(EntryType::Regular, &format!("web/{number}"), 0);
                builder.append(&header, io::empty()).unwrap();
            }
        });
        check(&many, "the number of files of the chart exceeds the limit of 10");
        let mut endless = GzEncoder::new(Vec::new(), Compression::fast());
        endless.write_all(&header(EntryType::GNULongName, "x", 50 << 20).as_bytes()[..]).unwrap();
        endless.write_all(&vec![b'a'; 50 << 20]).unwrap();
        assert!(unpack(&endless.finish().unwrap()[..], &limits).is_err(), "a name without end");
    }
}
