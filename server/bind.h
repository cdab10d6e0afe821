// Opens listening sockets in two steps: bind() while still root, for ports below 1024; listening when everything is
// ready, so that nobody waits in a queue of a server that is not yet one.
// Runs on: the main thread.
#pragma once

#include "base/config_value.h"
#include "base/result.h"

#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <string>
#include <vector>

namespace cpm::server {

using Acceptor = std::unique_ptr<boost::asio::ip::tcp::acceptor>;

// One acceptor for each address that the endpoint names; "*" is every address of the machine. Failure::in_use or
// invalid names `key` and the address.
[[nodiscard]] Result<Acceptor> bind_endpoint(boost::asio::io_context& context, const Endpoint& endpoint,
                                             const std::string& key);

// "127.0.0.1:1143", "[::1]:1143".
[[nodiscard]] std::string endpoint_text(const boost::asio::ip::tcp::endpoint& endpoint);

}  // namespace cpm::server
