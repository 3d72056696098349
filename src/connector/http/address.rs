//! Which addresses may be called. Looked at when a connection is made, not when a file is loaded:
//! a name may lead elsewhere by then.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The system's name leads to an address that must not be called.
#[derive(Debug, thiserror::Error)]
#[error("its name leads to {0}, an address that simpul does not call")]
pub(super) struct ForbiddenAddress(IpAddr);

/// Looks names up and passes on only addresses that may be called.
#[derive(Debug, Clone, Copy)]
pub(super) struct CheckedNames {
    /// Whether addresses of private networks may be called.
    pub private: bool,
}

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.private;
        Box::pin(async move {
            // The port is set by the caller.
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let forbidden =
                found.iter().map(SocketAddr::ip).find(|it| !may_be_called(*it, private));
            match forbidden {
                // All or none: one bad address among good ones is a trick, not an accident.
                Some(address) => Err(ForbiddenAddress(address).into()),
                None => Ok(Box::new(found.into_iter()) as Addrs),
            }
        })
    }
}

/// Whether an address may be called. Link-local ones never: clouds hand out credentials there.
pub(super) fn may_be_called(address: IpAddr, private: bool) -> bool {
    match address.to_canonical() {
        IpAddr::V4(it) => {
            let never = it.is_link_local()
                || it.is_unspecified()
                || it.is_broadcast()
                || it.is_multicast()
                // Oracle's and Alibaba's metadata services.
                || it == Ipv4Addr::new(192, 0, 0, 192)
                || it == Ipv4Addr::new(100, 100, 100, 200);
            // 100.64.0.0/10: shared address space of carriers and VPNs.
            let shared = it.octets()[0] == 100 && it.octets()[1] & 0xc0 == 64;
            !never && (private || !(it.is_private() || it.is_loopback() || shared))
        }
        IpAddr::V6(it) => {
            const EC2_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            let never = it.is_unicast_link_local()
                || it.is_unspecified()
                || it.is_multicast()
                || it == EC2_METADATA;
            !never && (private || !(it.is_unique_local() || it.is_loopback()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_addresses_are_never_called_and_private_ones_only_where_allowed() {
        let called = |text: &str| {
            let address = text.parse().unwrap();
            (may_be_called(address, true), may_be_called(address, false))
        };
        let never = ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254"];
        for text in never.into_iter().chain(["0.0.0.0", "::", "224.0.0.1", "100.100.100.200"]) {
            assert_eq!(called(text), (false, false), "{text}");
        }
        for text in ["10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "100.64.0.1", "::1"] {
            assert_eq!(called(text), (true, false), "{text}");
        }
        for text in ["fd12::1", "::ffff:10.0.0.1"] {
            assert_eq!(called(text), (true, false), "{text}");
        }
        for text in ["8.8.8.8", "172.32.0.1", "2001:4860::8888", "100.128.0.1"] {
            assert_eq!(called(text), (true, true), "{text}");
        }
    }
}
