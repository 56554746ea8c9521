//! Writes protobuf messages of proto3: zero values are left out.

/// A message in the making.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// Returns the bytes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn text(&mut self, number: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(number, text.as_bytes());
        }
    }

    /// Writes a text that is an item of a list, where empty counts.
    pub(super) fn item(&mut self, number: u32, text: &str) {
        self.bytes(number, text.as_bytes());
    }

    pub(super) fn flag(&mut self, number: u32, flag: bool) {
        if flag {
            self.varint(u64::from(number) << 3);
            self.varint(1);
        }
    }

    pub(super) fn integer(&mut self, number: u32, value: i64) {
        if value != 0 {
            self.varint(u64::from(number) << 3);
            self.varint(value as u64);
        }
    }

    pub(super) fn double(&mut self, number: u32, value: f64) {
        if value != 0.0 {
            self.varint(u64::from(number) << 3 | 1);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// Writes a message, also an empty one.
    pub(super) fn message(&mut self, number: u32, message: Writer) {
        let Writer(bytes) = message;
        self.bytes(number, &bytes);
    }

    fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.varint(u64::from(number) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}
