//! The tables on disk.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};

use super::{OpenError, REVISION_GAP, Recovered, queue::Batch};

/// Name of the file in the folder.
const FILE: &str = "store.redb";
/// Version marker of the tables below.
const FORMAT: u64 = 1;

/// Group, plural and key to revision and JSON text.
const OBJECTS: TableDefinition<'_, (&str, &str, &str), (u64, &[u8])> = TableDefinition::new("objects");
/// `format` and `revision`.
const FACTS: TableDefinition<'_, &str, u64> = TableDefinition::new("facts");

#[derive(Debug)]
pub(super) struct Disk {
    database: Database,
}

impl Disk {
    pub(super) fn open(folder: &Path) -> Result<(Self, Recovered), OpenError> {
        let path = PathBuf::from(folder);
        std::fs::create_dir_all(folder).map_err(|source| OpenError::CreateFolder { path: path.clone(), source })?;
        private_file(&folder.join(FILE)).map_err(|source| OpenError::Protect { path: path.clone(), source })?;
        let failed = |source: redb::Error| OpenError::Read { path: path.clone(), source: Box::new(source) };
        let database = match Database::builder().set_cache_size(CACHE).create(folder.join(FILE)) {
            Ok(database) => database,
            Err(DatabaseError::DatabaseAlreadyOpen) => return Err(OpenError::InUse { path }),
            Err(error) => return Err(failed(error.into())),
        };
        let disk = Self { database };
        let found = disk.mark_format().map_err(failed)?;
        if found != FORMAT {
            return Err(OpenError::Format { path, found, known: FORMAT });
        }
        let recovered = disk.read().map_err(failed)?;
        disk.reserve(recovered.revision + REVISION_GAP).map_err(failed)?;
        Ok((disk, recovered))
    }

    /// Marks the revisions up to here as used, so that a process that dies before its first write does not give the
    /// next one the same numbers.
    fn reserve(&self, revision: u64) -> Result<(), redb::Error> {
        self.write(&Batch { revision, ..Batch::default() })
    }

    /// Writes a batch in one transaction; it is on disk when this returns.
    pub(super) fn write(&self, batch: &Batch) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut objects = transaction.open_table(OBJECTS)?;
            for ((shard, key), object) in &batch.objects {
                let place = (shard.0.as_str(), shard.1.as_str(), key.as_ref());
                match object {
                    Some(object) => {
                        objects.insert(place, (object.revision(), object.json().as_slice()))?;
                    }
                    None => {
                        objects.remove(place)?;
                    }
                }
            }
            transaction.open_table(FACTS)?.insert("revision", batch.revision)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Returns the format of the tables, after marking new ones.
    fn mark_format(&self) -> Result<u64, redb::Error> {
        let transaction = self.database.begin_write()?;
        let found = {
            let mut facts = transaction.open_table(FACTS)?;
            let found = facts.get("format")?.map(|format| format.value());
            if found.is_none() {
                facts.insert("format", FORMAT)?;
                transaction.open_table(OBJECTS)?;
            }
            found.unwrap_or(FORMAT)
        };
        transaction.commit()?;
        Ok(found)
    }

    fn read(&self) -> Result<Recovered, redb::Error> {
        let transaction = self.database.begin_read()?;
        let revision = transaction.open_table(FACTS)?.get("revision")?.map_or(0, |revision| revision.value());
        let mut objects = Vec::new();
        let mut shard = Arc::new((String::new(), String::new()));
        for row in transaction.open_table(OBJECTS)?.iter()? {
            let (place, content) = row?;
            let (group, plural, _) = place.value();
            if (shard.0.as_str(), shard.1.as_str()) != (group, plural) {
                shard = Arc::new((group.to_owned(), plural.to_owned()));
            }
            let (at, json) = content.value();
            objects.push((shard.clone(), at, json.to_vec()));
        }
        Ok(Recovered { objects, revision })
    }
}

/// Makes the file readable by its owner only: it holds Secrets.
fn private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(())
}

/// Bytes of the embedded store's own cache: objects are in memory already, so little is read twice.
const CACHE: usize = 16 << 20;
