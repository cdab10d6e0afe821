// From where users log in: a device (by what ID says, RFC 2971) in a network that was not seen before is an event for
// push (LoginNewDevice).
// Runs on: the session's strand.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace cpm::imap {

class Session;

// After log-in, and after ID. Services that act for users are no devices. Never fails: what cannot be noted is logged.
boost::asio::awaitable<void> note_device(Session& session);

}  // namespace cpm::imap
