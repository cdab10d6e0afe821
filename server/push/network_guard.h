// NetworkGuard: to which addresses a request may be sent. Public unicast ones, and the private networks that the
// operator allows (push.allow_networks). Asked with the address that is then connected to, never with a name.
// Runs on: any thread; constant.
#pragma once

#include "base/result.h"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include <string>
#include <vector>

namespace cpm::server::push {

class NetworkGuard {
 public:
  // Networks as 10.0.0.0/8 or fd00::/8; a plain address is a network of one. Failure::invalid names the wrong one.
  [[nodiscard]] static Result<NetworkGuard> make(const std::vector<std::string>& allowed);

  enum class Verdict {
    refused,     // private, loopback, link-local, multicast, reserved
    open,        // public
    by_operator  // in an allowed network
  };
  // An IPv4 address in an IPv6 one (::ffff:a.b.c.d) is judged as the IPv4 address.
  [[nodiscard]] Verdict judge(const boost::asio::ip::address& address) const;

 private:
  std::vector<boost::asio::ip::network_v4> v4_;
  std::vector<boost::asio::ip::network_v6> v6_;
};

}  // namespace cpm::server::push
