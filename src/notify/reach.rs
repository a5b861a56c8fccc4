//! Names to addresses that were checked. The connection is made to what comes out of here and nothing else, so a name
//! cannot answer one thing to the check and another to the connection.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::{Reach, reach};

/// Where deliveries may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Networks {
    /// To public addresses only.
    Public,
    /// To this machine and the networks around it, too.
    Own,
}

impl Networks {
    /// Why an address is not for deliveries, if so.
    pub(super) fn refuse(self, address: IpAddr) -> Result<(), Refused> {
        let (what, never) = match (reach(address), self) {
            (Reach::Public, _) | (Reach::Private(_), Self::Own) => return Ok(()),
            (Reach::Private(what), Self::Public) => (what, false),
            (Reach::Never(what), _) => (what, true),
        };
        Err(Refused {
            address,
            what,
            never,
        })
    }
}

/// An address that no delivery goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    address: IpAddr,
    what: &'static str,
    never: bool,
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, what, .. } = self;
        write!(f, "{address} is {what}, and no delivery goes there")?;
        if !self.never {
            f.write_str(" unless weir.toml says allow_private = true in [notify]")?;
        }
        Ok(())
    }
}

/// A name that has no address at all.
#[derive(Debug)]
pub(super) struct Unknown;

impl std::error::Error for Unknown {}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name has no address")
    }
}

type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Asks for the addresses of a name.
pub(super) type Lookup = Arc<dyn Fn(String) -> Looking + Send + Sync>;

/// The resolver of the system.
pub(super) fn system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            // The port is that of the URL, whatever stands here.
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.collect())
        })
    })
}

/// A resolver that yields only addresses that deliveries may go to.
pub(super) struct Checked {
    pub(super) lookup: Lookup,
    pub(super) networks: Networks,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let looking = (self.lookup)(name.as_str().to_owned());
        let networks = self.networks;
        Box::pin(async move {
            let mut refused = None;
            let mut good = Vec::new();
            for address in looking.await? {
                match networks.refuse(address.ip()) {
                    Ok(()) => good.push(address),
                    Err(why) => refused = refused.or(Some(why)),
                }
            }
            match refused {
                // A name may have addresses of both kinds; the good ones are enough.
                _ if !good.is_empty() => Ok(Box::new(good.into_iter()) as Addrs),
                Some(why) => Err(why.into()),
                None => Err(Unknown.into()),
            }
        })
    }
}
