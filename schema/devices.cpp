#include "schema/devices.h"

#include <nlohmann/json.hpp>

namespace cpm::schema {

namespace {

constexpr Query kKnown{"login_device_known",
                       "select 1 from login_device where account_id = $1 and device = $2 and network = $3"
                       " and last_seen > now() - interval '1 day'"};
constexpr Query kSeen{"login_device_seen", "select login_seen_v1($1, $2, $3, $4::jsonb)"};

}  // namespace

boost::asio::awaitable<bool> login_known(Database& db, LoginFrom from) {
  auto rows = co_await db.ask(Wall::of(from.account), kKnown, from.account.value, from.device, from.network);
  co_return rows && !rows->empty();
}

Result<bool> note_login(Transaction& tx, const LoginFrom& from) {
  nlohmann::json detail{{"clientIP", from.address}, {"client", from.device}, {"identity", from.identity}};
  const std::string text = detail.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return tx.exec(kSeen, from.account.value, from.device, from.network, text)[0][0].as<bool>();
}

}  // namespace cpm::schema
