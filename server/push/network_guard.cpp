#include "server/push/network_guard.h"

#include <algorithm>
#include <array>

namespace cpm::server::push {

namespace {

namespace ip = boost::asio::ip;

// IANA's registry of special-purpose IPv4 addresses, multicast, and what is reserved; 169.254.169.254, where clouds
// tell secrets, is link-local.
constexpr std::array<const char*, 16> kClosedV4{
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",   "127.0.0.0/8",     "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24",  "192.0.2.0/24",    "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",  "224.0.0.0/3"};
// Of IPv6 only global unicast is open at all; in it what stands for other networks, and what is for documents.
constexpr const char* kOpenV6 = "2000::/3";
constexpr std::array<const char*, 5> kClosedV6{"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
                                               "2620:4f:8000::/48"};

bool contains(const ip::network_v4& network, const ip::address_v4& address) {
  return (address.to_uint() & network.netmask().to_uint()) == network.network().to_uint();
}

bool contains(const ip::network_v6& network, const ip::address_v6& address) {
  const auto a = network.address().to_bytes();
  const auto b = address.to_bytes();
  for (unsigned bit = 0; bit < network.prefix_length(); ++bit) {
    const auto mask = static_cast<unsigned char>(0x80U >> (bit % 8));
    if (((a.at(bit / 8) ^ b.at(bit / 8)) & mask) != 0) return false;
  }
  return true;
}

bool is_open(const ip::address_v4& address) {
  return std::none_of(kClosedV4.begin(), kClosedV4.end(),
                      [&](const char* network) { return contains(ip::make_network_v4(network), address); });
}

bool is_open(const ip::address_v6& address) {
  return address.scope_id() == 0 && contains(ip::make_network_v6(kOpenV6), address) &&
         std::none_of(kClosedV6.begin(), kClosedV6.end(),
                      [&](const char* network) { return contains(ip::make_network_v6(network), address); });
}

}  // namespace

Result<NetworkGuard> NetworkGuard::make(const std::vector<std::string>& allowed) {
  NetworkGuard guard;
  for (const std::string& text : allowed) {
    boost::system::error_code error;
    const bool v6 = text.find(':') != std::string::npos;
    const std::string whole = text.find('/') != std::string::npos ? text : text + (v6 ? "/128" : "/32");
    if (v6) {
      const auto network = ip::make_network_v6(whole, error);
      if (!error) guard.v6_.push_back(network.canonical());
    } else {
      const auto network = ip::make_network_v4(whole, error);
      if (!error) guard.v4_.push_back(network.canonical());
    }
    if (error)
      return fail(Failure::invalid, "push.allow_networks: \"" + text + "\" is no network, as 10.1.0.0/16 is one");
  }
  return guard;
}

NetworkGuard::Verdict NetworkGuard::judge(const ip::address& address) const {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return judge(ip::make_address_v4(ip::v4_mapped, address.to_v6()));
  }
  const auto in = [&](const auto& networks, const auto& one) {
    return std::any_of(networks.begin(), networks.end(), [&](const auto& network) { return contains(network, one); });
  };
  if (address.is_v4() ? in(v4_, address.to_v4()) : in(v6_, address.to_v6())) return Verdict::by_operator;
  return (address.is_v4() ? is_open(address.to_v4()) : is_open(address.to_v6())) ? Verdict::open : Verdict::refused;
}

}  // namespace cpm::server::push
