//! Which addresses a webhook may be sent to: the public ones, others only if the operator says so, some never.
//!
//! A URL is one line of a file, and what answers to it is not always what its writer had in mind: a name can point at
//! this machine, at the network behind it, or at the service that hands out a cloud machine's keys.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To anybody's server.
    Public,
    /// To this machine or the networks around it, and how one calls that.
    Private(&'static str),
    /// To nobody whom a webhook could be meant for.
    Never(&'static str),
}

use Reach::{Never, Private, Public};

/// Networks of IPv4 that are not public: address, length of the prefix, what it is. The first that fits holds.
const V4: [([u8; 4], u32, Reach); 19] = [
    // Services of clouds that tell a machine its keys: besides the link-local one, those of Azure, Oracle, Alibaba.
    ([168, 63, 129, 16], 32, Never("a metadata service")),
    ([192, 0, 0, 192], 32, Never("a metadata service")),
    ([100, 100, 100, 200], 32, Never("a metadata service")),
    ([169, 254, 0, 0], 16, Never("a link-local address")),
    ([0, 0, 0, 0], 8, Never("no address")),
    ([224, 0, 0, 0], 4, Never("a multicast address")),
    ([255, 255, 255, 255], 32, Never("a broadcast address")),
    ([240, 0, 0, 0], 4, Never("a reserved address")),
    ([127, 0, 0, 0], 8, Private("a loopback address")),
    ([10, 0, 0, 0], 8, Private("a private address")),
    ([172, 16, 0, 0], 12, Private("a private address")),
    ([192, 168, 0, 0], 16, Private("a private address")),
    (
        [100, 64, 0, 0],
        10,
        Private("a shared address of a carrier"),
    ),
    ([192, 0, 0, 0], 24, Private("a reserved address")),
    ([192, 0, 2, 0], 24, Private("an address for examples")),
    ([198, 51, 100, 0], 24, Private("an address for examples")),
    ([203, 0, 113, 0], 24, Private("an address for examples")),
    ([192, 88, 99, 0], 24, Private("an address of a relay")),
    ([198, 18, 0, 0], 15, Private("an address for measurements")),
];

/// The same of IPv6. What fits none is public only within 2000::/3: the rest is not handed out.
const V6: [([u16; 8], u32, Reach); 14] = [
    ([0; 8], 128, Never("no address")),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, Private("a loopback address")),
    (
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
        128,
        Never("a metadata service"),
    ),
    (
        [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254],
        128,
        Never("a metadata service"),
    ),
    (
        [0xfe80, 0, 0, 0, 0, 0, 0, 0],
        10,
        Never("a link-local address"),
    ),
    (
        [0xff00, 0, 0, 0, 0, 0, 0, 0],
        8,
        Never("a multicast address"),
    ),
    (
        [0xfc00, 0, 0, 0, 0, 0, 0, 0],
        7,
        Private("a private address"),
    ),
    (
        [0xfec0, 0, 0, 0, 0, 0, 0, 0],
        10,
        Private("a private address"),
    ),
    (
        [0x64, 0xff9b, 1, 0, 0, 0, 0, 0],
        48,
        Private("a private translated address"),
    ),
    (
        [0x2001, 0xdb8, 0, 0, 0, 0, 0, 0],
        32,
        Private("an address for examples"),
    ),
    (
        [0x3fff, 0, 0, 0, 0, 0, 0, 0],
        20,
        Private("an address for examples"),
    ),
    // Teredo among them, which carries an IPv4 address along.
    (
        [0x2001, 0, 0, 0, 0, 0, 0, 0],
        23,
        Private("a reserved address"),
    ),
    ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, Public),
    ([0; 8], 0, Never("a reserved address")),
];

/// Where `address` leads.
///
/// ```
/// use weir::notify::address::{Reach, reach};
/// assert_eq!(reach("10.1.2.3".parse().unwrap()), Reach::Private("a private address"));
/// assert_eq!(reach("169.254.169.254".parse().unwrap()), Reach::Never("a link-local address"));
/// assert_eq!(reach("9.9.9.9".parse().unwrap()), Reach::Public);
/// ```
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

fn v4(address: Ipv4Addr) -> Reach {
    let bits = address.to_bits();
    let fits = |(net, length, _): &&([u8; 4], u32, Reach)| {
        let net = Ipv4Addr::from(*net).to_bits();
        (bits ^ net).checked_shr(32 - length).unwrap_or(0) == 0
    };
    V4.iter().find(fits).map_or(Public, |(_, _, reach)| *reach)
}

fn v6(address: Ipv6Addr) -> Reach {
    // Two that stand for an IPv4 address lead where that one leads. A mapped one never travels a network: nothing
    // resolves to it but what wants past a check like this one.
    if let Some(inner) = address.to_ipv4_mapped() {
        return match v4(inner) {
            Public => Private("an IPv4 address written as IPv6"),
            other => other,
        };
    }
    let [first, second, third, fourth, fifth, sixth, seventh, eighth] = address.segments();
    let inner = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    if (first, second, third, fourth, fifth, sixth) == (0x64, 0xff9b, 0, 0, 0, 0) {
        return v4(inner(seventh, eighth));
    }
    if first == 0x2002 {
        return v4(inner(second, third));
    }
    let bits = address.to_bits();
    let fits = |(net, length, _): &&([u16; 8], u32, Reach)| {
        let net = Ipv6Addr::from(*net).to_bits();
        (bits ^ net).checked_shr(128 - length).unwrap_or(0) == 0
    };
    let found = V6.iter().find(fits);
    found.map_or(Never("a reserved address"), |(_, _, reach)| *reach)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_addresses() {
        for (text, expected) in [
            ("1.1.1.1", Public),
            ("9.255.255.255", Public),
            ("10.0.0.0", Private("a private address")),
            ("10.255.255.255", Private("a private address")),
            ("11.0.0.0", Public),
            ("172.15.255.255", Public),
            ("172.16.0.0", Private("a private address")),
            ("172.31.255.255", Private("a private address")),
            ("172.32.0.0", Public),
            ("192.168.0.1", Private("a private address")),
            ("192.169.0.1", Public),
            ("100.63.255.255", Public),
            ("100.64.0.1", Private("a shared address of a carrier")),
            ("100.127.255.255", Private("a shared address of a carrier")),
            ("100.128.0.0", Public),
            ("127.0.0.1", Private("a loopback address")),
            ("127.255.255.254", Private("a loopback address")),
            ("0.0.0.0", Never("no address")),
            ("0.1.2.3", Never("no address")),
            ("169.254.169.254", Never("a link-local address")),
            ("169.254.170.2", Never("a link-local address")),
            ("168.63.129.16", Never("a metadata service")),
            ("168.63.129.17", Public),
            ("192.0.0.192", Never("a metadata service")),
            ("192.0.0.8", Private("a reserved address")),
            ("100.100.100.200", Never("a metadata service")),
            ("192.0.2.7", Private("an address for examples")),
            ("198.51.100.7", Private("an address for examples")),
            ("203.0.113.7", Private("an address for examples")),
            ("198.17.255.255", Public),
            ("198.18.0.1", Private("an address for measurements")),
            ("198.19.255.255", Private("an address for measurements")),
            ("198.20.0.0", Public),
            ("192.88.99.1", Private("an address of a relay")),
            ("223.255.255.255", Public),
            ("224.0.0.1", Never("a multicast address")),
            ("239.255.255.250", Never("a multicast address")),
            ("240.0.0.1", Never("a reserved address")),
            ("255.255.255.255", Never("a broadcast address")),
            ("::", Never("no address")),
            ("::1", Private("a loopback address")),
            ("::2", Never("a reserved address")),
            // IPv4 addresses in the clothes of IPv6, in every cut.
            ("::ffff:1.1.1.1", Private("an IPv4 address written as IPv6")),
            ("::ffff:127.0.0.1", Private("a loopback address")),
            ("::ffff:169.254.169.254", Never("a link-local address")),
            ("::127.0.0.1", Never("a reserved address")),
            ("::ffff:0:127.0.0.1", Never("a reserved address")),
            ("64:ff9b::7f00:1", Private("a loopback address")),
            ("64:ff9b::101:101", Public),
            (
                "64:ff9b:1::101:101",
                Private("a private translated address"),
            ),
            ("2002:7f00:1::1", Private("a loopback address")),
            ("2002:a9fe:a9fe::", Never("a link-local address")),
            ("2002:101:101::1", Public),
            ("2001:0:4136:e378::1", Private("a reserved address")),
            ("2001:db8::1", Private("an address for examples")),
            ("3fff:0fff::1", Private("an address for examples")),
            ("2001:200::1", Public),
            ("2606:4700:4700::1111", Public),
            ("fc00::1", Private("a private address")),
            ("fdff:ffff::1", Private("a private address")),
            ("fd00:ec2::254", Never("a metadata service")),
            ("fd20:ce::254", Never("a metadata service")),
            ("fe80::1", Never("a link-local address")),
            ("febf::1", Never("a link-local address")),
            ("fec0::1", Private("a private address")),
            ("ff02::1", Never("a multicast address")),
            ("100::1", Never("a reserved address")),
            ("5f00::1", Never("a reserved address")),
            ("4000::1", Never("a reserved address")),
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(reach(address), expected, "{text}");
        }
    }
}
