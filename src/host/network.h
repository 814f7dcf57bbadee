#pragma once

// The network of a realm's instances. Each has a veth pair: `eth0` in its own network namespace
// with one /32 address, and an interface of the host that only a /32 route leads to. There is no
// bridge between instances: every packet is routed, so nftables' forward hook sees it whether or
// not br_netfilter is loaded. docs/formats/host.md has the rules. Blocking; any thread; throws
// Error.

#include <cstdint>
#include <string>

#include "host/realm.h"

namespace nuri::host {

// Makes what all instances share, or repairs it: the gateway's interface and address, forwarding,
// the nftables table. What of it already is stays in force meanwhile.
void prepare_network(const Realm& realm);

// Wires the slot's interface into the network namespace of process `pid`.
void connect_instance(const Realm& realm, std::uint32_t slot, int pid);
// Cuts it off. Nothing there is a success.
void disconnect_instance(const Realm& realm, std::uint32_t slot);

// Removes everything that prepare_network and connect_instance made, and puts the forwarding
// settings back that were changed.
void sweep_network(const Realm& realm);

// The table as text for nft(8), replacing the one that is there in one transaction. Pure.
std::string nft_rules(const Realm& realm);

// Empty when packets of instances can leave this machine; else what stands in the way and what to
// do (another firewall's table with a forward policy of drop).
std::string forwarding_obstacle(const Realm& realm);

}  // namespace nuri::host
