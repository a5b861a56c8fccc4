//! stub
use super::open::OpenError;
use crate::flow::engine::Wall;
use crate::store::{Database, Mode};
use std::path::Path;
use std::sync::Arc;
/// stub
pub struct House {
    /// db
    pub database: Arc<Database>,
}
impl House {
    /// stub
    pub fn open(state: &Path, _wall: Wall) -> Result<Arc<Self>, OpenError> {
        let database =
            Database::open(state, Mode::Write { fresh_id: [0; 16] }).map_err(|cause| {
                OpenError::State {
                    path: state.to_owned(),
                    cause,
                }
            })?;
        Ok(Arc::new(Self {
            database: Arc::new(database),
        }))
    }
}
impl House {
    /// stub
    pub fn month(
        &self,
    ) -> Result<(crate::model::unit::Usd, Option<crate::model::unit::Usd>), crate::store::StoreError>
    {
        Ok((crate::model::unit::Usd(0), None))
    }
}
