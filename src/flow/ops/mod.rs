//! The operators, in the order of the data; each file's header answers the same questions.

pub mod ask;
pub mod assemble;
pub mod commit;
mod entities;
mod few;
pub mod fold;
pub mod graph;
pub mod intake;
pub mod label;
mod numbers;
pub mod parse;
pub mod read;
mod relations;
pub mod repeats;
mod seen;

use differential_dataflow::{AsCollection, Data, VecCollection};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;

use super::epochs::Epoch;

/// A collection of the dataflow.
pub type Flow<'s, D> = VecCollection<'s, Epoch, D, isize>;

/// `flat_map` with a name of its own in the graph.
pub fn named<'s, D: Data, I: IntoIterator>(
    flow: Flow<'s, D>,
    name: &str,
    mut logic: impl FnMut(D) -> I + 'static,
) -> Flow<'s, I::Item>
where
    I::Item: Data,
{
    flow.inner
        .unary::<CapacityContainerBuilder<Vec<_>>, _, _, _>(Pipeline, name, move |_, _| {
            move |input, output| {
                input.for_each(|cap, data| {
                    let mut session = output.session(&cap);
                    for (record, epoch, diff) in data.drain(..) {
                        session
                            .give_iterator(logic(record).into_iter().map(|out| (out, epoch, diff)));
                    }
                });
            }
        })
        .as_collection()
}
