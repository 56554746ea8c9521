//! Addresses that analyses must not ask.

use std::net::{IpAddr, Ipv6Addr};

/// Returns whether an address is link-local, or a metadata service of a cloud.
#[must_use]
pub fn is_link_local(address: IpAddr) -> bool {
    /// Amazon's metadata service over IPv6.
    const AMAZON: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => {
            let mapped = v6.to_ipv4_mapped().or_else(|| v6.to_ipv4());
            v6.is_unicast_link_local() || v6 == AMAZON || mapped.is_some_and(|v4| v4.is_link_local())
        }
    }
}

/// Returns the address that a host is written as, if it is no name.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Returns whether a host is this machine itself, which no proxy can reach for us. Go's client does the same.
pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || literal(host).is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_addresses_are_known_in_every_form() {
        let refused = ["169.254.169.254", "[fe80::1]", "::ffff:169.254.1.1", "fd00:ec2::254"];
        let allowed = ["127.0.0.1", "10.0.0.1", "::1", "fd00::1", "8.8.8.8"];
        for (hosts, expected) in [(&refused[..], true), (&allowed[..], false)] {
            for host in hosts {
                assert_eq!(literal(host).map(is_link_local), Some(expected), "{host}");
            }
        }
        assert_eq!(literal("prometheus.example"), None);
    }

    #[test]
    fn the_machine_itself_is_known() {
        for (host, expected) in [("localhost", true), ("127.0.0.2", true), ("[::1]", true), ("10.0.0.1", false)] {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
        assert!(!is_loopback("localhost.example"));
    }
}
