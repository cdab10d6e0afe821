#include "imap/session/read_record.h"

#include "schema/audit.h"
#include "schema/policy.h"

#include <algorithm>

namespace cpm::imap {

namespace {

constexpr std::chrono::minutes kLookAgain{5};

Session::Reads reads_from(const std::vector<schema::PolicyInForce>& policies) {
  for (const schema::PolicyInForce& policy : policies) {
    if (policy.key->name != "audit.reads") continue;
    return policy.value == "fetch"    ? Session::Reads::fetch
           : policy.value == "select" ? Session::Reads::select
                                      : Session::Reads::off;
  }
  return Session::Reads::off;
}

}  // namespace

boost::asio::awaitable<Result<void>> record_opened(Session& session, bool examine) {
  if (!session.services.settings.record.on) co_return Result<void>{};
  const schema::MailboxRow& mailbox = session.selected->view.snapshot().mailbox;
  const auto now = std::chrono::steady_clock::now();
  // The policy of whose store it is.
  if (now >= session.reads_until || mailbox.account != session.principal->account) {
    auto look = [account = mailbox.account](schema::Transaction& tx) { return schema::read_policies(tx, account); };
    auto policies = co_await session.db(std::move(look), schema::Mode::reads);
    if (!policies) co_return policies.error();
    session.reads = reads_from(*policies);
    const bool own = mailbox.account == session.principal->account;
    session.reads_until = own ? now + kLookAgain : std::chrono::steady_clock::time_point{};
  }
  if (session.reads == Session::Reads::off) co_return Result<void>{};
  schema::AuditEntry entry;
  entry.command = schema::AuditCommand::select;
  entry.account = mailbox.account;
  entry.mailbox = mailbox.id;
  entry.path = mailbox.own_path();
  entry.messages = mailbox.messages;
  if (examine) entry.detail = "{\"examine\": true}";
  auto work = [via = session.principal->via, entry](schema::Transaction& tx) -> Result<void> {
    schema::record(tx, via, entry);
    return {};
  };
  auto done = co_await session.db(std::move(work), schema::Mode::single);
  co_return done;
}

void record_fetched(schema::Transaction& tx, const schema::Grant& grant, const std::vector<schema::MessageRow>& rows) {
  if (rows.empty()) return;
  schema::AuditEntry entry;
  entry.command = schema::AuditCommand::fetch;
  entry.account = grant.account();
  entry.mailbox = grant.mailbox().id;
  entry.path = grant.mailbox().own_path();
  UidSet uids;
  for (const schema::MessageRow& row : rows) {
    uids.add(row.uid.value);
    entry.octets += row.size;
  }
  entry.uids = uids.to_string();
  entry.messages = static_cast<std::uint32_t>(rows.size());
  schema::record(tx, grant.via(), entry);
}

}  // namespace cpm::imap
