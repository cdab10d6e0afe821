// From where users log in (table login_device): what was not seen before is an event for push.
// Runs on: note_login() on a db thread, login_known() on any strand.
#pragma once

#include "base/result.h"
#include "schema/database.h"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace cpm::schema {

struct LoginFrom {
  AccountId account;
  std::string device;    // what the client said of itself; may be empty
  std::string network;   // of its address
  std::string address;   // of the client
  std::string identity;  // the address logged in with
};

// Whether it was noted within the last day, so that there is nothing to note.
boost::asio::awaitable<bool> login_known(Database& db, LoginFrom from);
// True: nobody came like this before, and push tells it. One statement.
[[nodiscard]] Result<bool> note_login(Transaction& tx, const LoginFrom& from);

}  // namespace cpm::schema
