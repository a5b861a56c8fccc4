//! Cells into columns: the values of rows, one after the other, become Arrow arrays.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanBuilder, Float32Builder, Float64Builder, Int64Builder, ListArray,
    MapArray, StringBuilder, StringDictionaryBuilder, StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Int32Type};
use arrow::error::ArrowError;

use super::schema::{Column, ColumnType};
use crate::model::document::Span;
use crate::model::record::Merge;

/// One value of one row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Null,
    Hex(&'a [u8]),
    Text(&'a str),
    Int(i64),
    Bool(bool),
    Share(f32),
    Dollars(f64),
    Texts(&'a [String]),
    Map(&'a [(String, String)]),
    Spans(&'a [Span]),
    Merges(&'a [Merge]),
}

/// A column that is being filled.
pub(super) enum Filling {
    Text(StringBuilder),
    Label(StringDictionaryBuilder<Int32Type>),
    Int(Int64Builder),
    Bool(BooleanBuilder),
    Share(Float32Builder),
    Dollars(Float64Builder),
    Time(TimestampMicrosecondBuilder),
    Nested(Nested),
}

/// A column of lists: how long each is, and the fields of all items, of which one kind is used.
#[derive(Default)]
pub(super) struct Nested {
    lengths: Vec<usize>,
    texts: Vec<StringBuilder>,
    ints: Vec<Int64Builder>,
}

impl Filling {
    pub(super) fn new(kind: ColumnType) -> Self {
        let nested = |texts: usize, ints: usize| {
            Self::Nested(Nested {
                lengths: Vec::new(),
                texts: (0..texts).map(|_| StringBuilder::new()).collect(),
                ints: (0..ints).map(|_| Int64Builder::new()).collect(),
            })
        };
        match kind {
            ColumnType::Hex | ColumnType::Text => Self::Text(StringBuilder::new()),
            ColumnType::Label => Self::Label(StringDictionaryBuilder::new()),
            ColumnType::Int => Self::Int(Int64Builder::new()),
            ColumnType::Bool => Self::Bool(BooleanBuilder::new()),
            ColumnType::Share => Self::Share(Float32Builder::new()),
            ColumnType::Dollars => Self::Dollars(Float64Builder::new()),
            ColumnType::Time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            ColumnType::Texts => nested(1, 0),
            ColumnType::Map => nested(2, 0),
            ColumnType::Merges => nested(3, 0),
            ColumnType::Spans => nested(0, 4),
        }
    }

    /// Appends a cell; false if it is not of this column.
    pub(super) fn push(&mut self, cell: Cell<'_>, nullable: bool) -> bool {
        match (self, cell) {
            (Self::Nested(nested), cell) => return nested.push(cell),
            (_, Cell::Null) if !nullable => return false,
            (Self::Text(to), Cell::Null) => to.append_null(),
            (Self::Text(to), Cell::Text(text)) => to.append_value(text),
            (Self::Text(to), Cell::Hex(bytes)) => to.append_value(hex(bytes, &mut [0; 64])),
            (Self::Label(to), Cell::Null) => to.append_null(),
            (Self::Label(to), Cell::Text(text)) => return to.append(text).is_ok(),
            (Self::Int(to), Cell::Null) => to.append_null(),
            (Self::Int(to), Cell::Int(number)) => to.append_value(number),
            (Self::Bool(to), Cell::Null) => to.append_null(),
            (Self::Bool(to), Cell::Bool(yes)) => to.append_value(yes),
            (Self::Share(to), Cell::Null) => to.append_null(),
            (Self::Share(to), Cell::Share(share)) => to.append_value(share),
            (Self::Dollars(to), Cell::Null) => to.append_null(),
            (Self::Dollars(to), Cell::Dollars(dollars)) => to.append_value(dollars),
            (Self::Time(to), Cell::Null) => to.append_null(),
            (Self::Time(to), Cell::Int(micros)) => to.append_value(micros),
            _ => return false,
        }
        true
    }

    pub(super) fn finish(self, column: &Column) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Text(mut builder) => {
                let mut array = builder.finish();
                // Grown by doubling; what waits for the others of its part takes no more than it needs.
                array.shrink_to_fit();
                Arc::new(array)
            }
            Self::Label(mut builder) => Arc::new(builder.finish()),
            Self::Int(mut builder) => Arc::new(builder.finish()),
            Self::Bool(mut builder) => Arc::new(builder.finish()),
            Self::Share(mut builder) => Arc::new(builder.finish()),
            Self::Dollars(mut builder) => Arc::new(builder.finish()),
            Self::Time(mut builder) => Arc::new(builder.finish()),
            Self::Nested(nested) => nested.finish(column.kind)?,
        })
    }
}

impl Nested {
    fn push(&mut self, cell: Cell<'_>) -> bool {
        let length = match (cell, self.texts.as_mut_slice(), self.ints.as_mut_slice()) {
            (Cell::Texts(items), [to], []) => {
                for text in items {
                    to.append_value(text);
                }
                items.len()
            }
            (Cell::Map(items), [keys, values], []) => {
                for (key, value) in items {
                    keys.append_value(key);
                    values.append_value(value);
                }
                items.len()
            }
            (Cell::Merges(items), [a, b, rule], []) => {
                for item in items {
                    a.append_value(&item.a);
                    b.append_value(&item.b);
                    rule.append_value(&item.rule);
                }
                items.len()
            }
            (Cell::Spans(items), [], [char_start, char_end, byte_start, byte_end]) => {
                for span in items {
                    char_start.append_value(span.char_start.into());
                    char_end.append_value(span.char_end.into());
                    byte_start.append_option(span.bytes().map(|(start, _)| start.into()));
                    byte_end.append_option(span.bytes().map(|(_, end)| end.into()));
                }
                items.len()
            }
            _ => return false,
        };
        self.lengths.push(length);
        true
    }

    fn finish(mut self, kind: ColumnType) -> Result<ArrayRef, ArrowError> {
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        let texts = self
            .texts
            .iter_mut()
            .map(|b| Arc::new(b.finish()) as ArrayRef);
        let ints = self
            .ints
            .iter_mut()
            .map(|b| Arc::new(b.finish()) as ArrayRef);
        let mut columns: Vec<ArrayRef> = texts.chain(ints).collect();
        let items: ArrayRef = match kind.item() {
            DataType::Struct(fields) => {
                let items = StructArray::try_new(fields, columns, None)?;
                if let DataType::Map(entry, sorted) = kind.arrow() {
                    let map = MapArray::try_new(entry, offsets, items, None, sorted)?;
                    return Ok(Arc::new(map));
                }
                Arc::new(items)
            }
            _ => columns
                .pop()
                .ok_or_else(|| ArrowError::SchemaError("a list without items".to_owned()))?,
        };
        let DataType::List(item) = kind.arrow() else {
            return Err(ArrowError::SchemaError("not a list".to_owned()));
        };
        Ok(Arc::new(ListArray::try_new(item, offsets, items, None)?))
    }
}

/// Ids are 16 or 32 bytes: what is appended needs no string of its own.
fn hex<'b>(bytes: &[u8], buffer: &'b mut [u8; 64]) -> &'b str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    let mut length = 0;
    for (byte, pair) in bytes.iter().zip(buffer.chunks_exact_mut(2)) {
        for (to, nibble) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *to = digit(nibble);
        }
        length += 2;
    }
    let digits = buffer.get(..length).unwrap_or_default();
    str::from_utf8(digits).unwrap_or_default()
}
