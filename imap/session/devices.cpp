#include "imap/session/devices.h"

#include "base/log.h"
#include "imap/auth/lockout.h"
#include "imap/session/change_hub.h"
#include "imap/session/session.h"
#include "schema/devices.h"

#include <algorithm>

namespace cpm::imap {

namespace {

// What a client says of itself may be any octets; only what everybody can read names it.
std::string readable(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return out;
}

}  // namespace

boost::asio::awaitable<void> note_device(Session& session) {
  if (!session.principal || session.principal->role != schema::Role::owner) co_return;
  const std::string& address = session.stream->peer().address;
  const schema::LoginFrom from{session.principal->account, readable(session.client_id), auth::network_of(address),
                               address, session.principal->address};
  auto known = co_await schema::login_known(session.services.db, from);
  if (known) co_return;
  auto note = [from](schema::Transaction& tx) { return schema::note_login(tx, from); };
  auto fresh = co_await session.db(std::move(note));
  if (!fresh) {
    log::warn("imap", "log-in not noted", {{"session", session.id}, {"why", fresh.error().detail}});
  } else if (*fresh) {
    session.services.hub.changed(from.account, kNamesChanged);
  }
}

}  // namespace cpm::imap
