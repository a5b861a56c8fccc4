//! Items into columns: the properties of JSON objects become Arrow arrays, as deep as the answer schema goes.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    StringDictionaryBuilder, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Int32Type};
use arrow::error::ArrowError;
use serde_json::Value;

use super::cells::Filling;
use super::error::SinkError;
use super::rows::Row;
use super::schema::{Column, HEAD, Layout, TAIL, Table, arrow};
use crate::model::form::{Field, Shape};

const TABLE: Table = Table::Items;

/// Rows of `items` as a batch, in the order given.
pub(super) fn encode<'a>(
    layout: &Layout,
    rows: impl Iterator<Item = &'a Row>,
) -> Result<RecordBatch, SinkError> {
    let misfit = |column: &str| SinkError::Misfit {
        table: TABLE,
        column: column.to_owned(),
    };
    let columns: Vec<&Column> = HEAD.iter().chain(TAIL).collect();
    let mut filling: Vec<Filling> = columns.iter().map(|c| Filling::new(c.kind)).collect();
    let mut objects = Vec::new();
    for row in rows {
        let Row::Item(item) = row else {
            return Err(misfit("count"));
        };
        let object: Value = serde_json::from_str(&item.json).map_err(|_not_json| misfit("json"))?;
        objects.push(object);
        for ((to, cell), column) in filling.iter_mut().zip(row.cells()).zip(&columns) {
            if !to.push(cell, column.nullable) {
                return Err(misfit(column.name));
            }
        }
    }
    let failed = |source| SinkError::Arrow {
        table: TABLE,
        source,
    };
    let mut fixed = Vec::new();
    for (filled, column) in filling.into_iter().zip(columns) {
        let array = filled.finish(column).map_err(failed)?;
        fixed.extend(layout.has(column).then_some(array));
    }
    let mut arrays: Vec<ArrayRef> = fixed.drain(..HEAD.len().min(fixed.len())).collect();
    for property in layout.items().map_or(&[][..], |items| &items.fields) {
        let values: Vec<&Value> = objects
            .iter()
            .map(|object| object.get(&property.name).unwrap_or(&Value::Null))
            .collect();
        arrays.push(array(&property.shape, &values).map_err(failed)?);
    }
    arrays.extend(fixed);
    RecordBatch::try_new(layout.schema(TABLE), arrays).map_err(failed)
}

/// Values of one shape as an array; null where a value is null or not of the shape, which the schema excludes.
fn array(shape: &Shape, values: &[&Value]) -> Result<ArrayRef, ArrowError> {
    let all = values.iter();
    Ok(match shape {
        Shape::Text => Arc::new(all.map(|value| value.as_str()).collect::<StringArray>()),
        Shape::Label(_) => {
            let mut labels = StringDictionaryBuilder::<Int32Type>::new();
            for value in all {
                labels.append_option(value.as_str());
            }
            Arc::new(labels.finish())
        }
        Shape::Int => Arc::new(all.map(|value| whole(value)).collect::<Int64Array>()),
        Shape::Float => Arc::new(all.map(|value| value.as_f64()).collect::<Float64Array>()),
        Shape::Bool => Arc::new(all.map(|value| value.as_bool()).collect::<BooleanArray>()),
        Shape::List(inner, _) => list(shape, inner, values)?,
        Shape::Struct(fields) => structure(shape, fields, values)?,
    })
}

/// A whole number, 3.0 included.
fn whole(value: &Value) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "answers with larger ones are not taken"
    )]
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|float| float as i64))
}

fn list(shape: &Shape, inner: &Shape, values: &[&Value]) -> Result<ArrayRef, ArrowError> {
    let none = Vec::new();
    let lists: Vec<&Vec<Value>> = values
        .iter()
        .map(|value| value.as_array().unwrap_or(&none))
        .collect();
    let items: Vec<&Value> = lists.iter().flat_map(|list| list.iter()).collect();
    let offsets = OffsetBuffer::from_lengths(lists.iter().map(|list| list.len()));
    let DataType::List(item) = arrow(shape) else {
        return Err(ArrowError::SchemaError("not a list".to_owned()));
    };
    let nulls = values
        .iter()
        .map(|value| value.is_array())
        .collect::<NullBuffer>();
    let array = ListArray::try_new(item, offsets, array(inner, &items)?, some(nulls))?;
    Ok(Arc::new(array))
}

fn structure(shape: &Shape, fields: &[Field], values: &[&Value]) -> Result<ArrayRef, ArrowError> {
    let nulls = values
        .iter()
        .map(|value| value.is_object())
        .collect::<NullBuffer>();
    let mut columns = Vec::new();
    for field in fields {
        let inner: Vec<&Value> = values
            .iter()
            .map(|value| value.get(&field.name).unwrap_or(&Value::Null))
            .collect();
        columns.push(array(&field.shape, &inner)?);
    }
    let DataType::Struct(kinds) = arrow(shape) else {
        return Err(ArrowError::SchemaError("not a struct".to_owned()));
    };
    let array = StructArray::try_new(kinds, columns, some(nulls))?;
    debug_assert_eq!(array.len(), values.len());
    Ok(Arc::new(array))
}

/// Nulls, where there are any.
fn some(nulls: NullBuffer) -> Option<NullBuffer> {
    (nulls.null_count() > 0).then_some(nulls)
}
