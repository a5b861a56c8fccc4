//! The sort key of a row: unique within its table, and all that merging two sorted sets of rows needs.

use std::fmt;

use arrow::array::{Array, Int64Array, RecordBatch, StringArray};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::SinkError;
use super::schema::Table;

const LONGEST: usize = 48;

/// The key columns of a row as bytes: ids raw, numbers big-endian. Keys of one table are of one length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    bytes: [u8; LONGEST],
    len: u8,
}

impl RowKey {
    /// The key that these parts make; at most 48 bytes of them.
    pub(super) fn of(parts: &[&[u8]]) -> Self {
        let mut bytes = [0; LONGEST];
        let mut len = 0;
        for (to, from) in bytes.iter_mut().zip(parts.iter().copied().flatten()) {
            *to = *from;
            len += 1;
        }
        Self { bytes, len }
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    fn parse(text: &str) -> Option<Self> {
        if text.len() > 2 * LONGEST {
            return None;
        }
        let mut key = Self::of(&[]);
        unhex(text, &mut key)?;
        Some(key)
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(usize::from(self.len))? = byte;
        self.len += 1;
        Some(())
    }
}

/// Reads hex digits onto the end of a key.
fn unhex(text: &str, key: &mut RowKey) -> Option<()> {
    let digit = |byte: &u8| {
        (*byte as char)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let mut pairs = text.as_bytes().chunks_exact(2);
    for pair in &mut pairs {
        let [high, low] = pair else { return None };
        key.push(digit(high)? << 4 | digit(low)?)?;
    }
    pairs.remainder().is_empty().then_some(())
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()
            .iter()
            .try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for RowKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RowKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a row key"))
    }
}

/// The keys of a batch of a table's rows, in its order.
pub(super) fn keys(table: Table, batch: &RecordBatch) -> Result<Vec<RowKey>, SinkError> {
    let mut keys = vec![RowKey::of(&[]); batch.num_rows()];
    for name in table.key() {
        let misfit = || SinkError::Misfit {
            table,
            column: (*name).to_owned(),
        };
        let column = batch.column_by_name(name).ok_or_else(misfit)?;
        let any = column.as_any();
        if column.null_count() > 0 {
            return Err(misfit());
        } else if let Some(texts) = any.downcast_ref::<StringArray>() {
            for (key, text) in keys.iter_mut().zip(texts.iter().flatten()) {
                unhex(text, key).ok_or_else(misfit)?;
            }
        } else if let Some(numbers) = any.downcast_ref::<Int64Array>() {
            for (key, number) in keys.iter_mut().zip(numbers.values()) {
                let number = u32::try_from(*number).ok().ok_or_else(misfit)?;
                for byte in number.to_be_bytes() {
                    key.push(byte).ok_or_else(misfit)?;
                }
            }
        } else {
            return Err(misfit());
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_print_parse_and_sort_by_bytes() {
        let key = RowKey::of(&[&[1, 255], &[16]]);
        assert_eq!(key.to_string(), "01ff10");
        assert_eq!(RowKey::parse("01ff10"), Some(key));
        for bad in ["0", "0g", "+1", "é", &"00".repeat(49)] {
            assert_eq!(RowKey::parse(bad), None, "{bad}");
        }
        assert!(RowKey::of(&[&[1, 2]]) < RowKey::of(&[&[1, 3]]));
        let low = RowKey::of(&[&255_u32.to_be_bytes()]);
        assert!(low < RowKey::of(&[&256_u32.to_be_bytes()]));
    }
}
