#include "server/bind.h"

#include <boost/asio/ip/v6_only.hpp>

namespace cpm::server {

namespace {

using boost::asio::ip::tcp;

boost::system::error_code try_bind(tcp::acceptor& acceptor, const tcp::endpoint& address, bool both_families) {
  boost::system::error_code error;
  acceptor.open(address.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && address.protocol() == tcp::v6()) acceptor.set_option(boost::asio::ip::v6_only(!both_families), error);
  if (!error) acceptor.bind(address, error);
  return error;
}

std::string advice(const boost::system::error_code& error) {
  if (error == boost::asio::error::access_denied)
    return "\nPorts below 1024 need root at the start, or CAP_NET_BIND_SERVICE";
  if (error == boost::asio::error::address_in_use) return "\nAnother program listens there; choose another address";
  return {};
}

}  // namespace

Result<Acceptor> bind_endpoint(boost::asio::io_context& context, const Endpoint& endpoint, const std::string& key) {
  const std::string name = key + " = " + endpoint.host + ":" + std::to_string(endpoint.port);
  auto acceptor = std::make_unique<tcp::acceptor>(context);
  boost::system::error_code error;
  if (endpoint.host == "*") {
    error = try_bind(*acceptor, {boost::asio::ip::address_v6::any(), endpoint.port}, true);
    if (!error) return acceptor;
    if (error != boost::asio::error::address_family_not_supported && error != boost::asio::error::invalid_argument) {
      return fail(Failure::in_use, name + ": " + error.message() + advice(error));
    }
    acceptor = std::make_unique<tcp::acceptor>(context);  // a machine without IPv6
    error = try_bind(*acceptor, {boost::asio::ip::address_v4::any(), endpoint.port}, false);
  } else {
    tcp::resolver resolver(context);
    const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port), tcp::resolver::passive, error);
    if (error || found.empty()) {
      return fail(Failure::invalid, name + ": this host name or address is not known here (" + error.message() + ")");
    }
    error = try_bind(*acceptor, found.begin()->endpoint(), false);
  }
  if (error) return fail(Failure::in_use, name + ": " + error.message() + advice(error));
  return acceptor;
}

std::string endpoint_text(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
}

}  // namespace cpm::server
