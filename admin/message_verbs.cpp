#include "admin/message_verbs.h"

#include "schema/audit.h"
#include "schema/change_feed.h"

#include <algorithm>
#include <iostream>

namespace cpm::admin {

namespace {

using schema::Transaction;

constexpr std::uint64_t kRange = 1U << 20;
constexpr std::chrono::milliseconds kProgressPause{200};

}  // namespace

Result<MailboxContent> read_mailbox(Context& context, const schema::Principal& who, const std::string& path) {
  auto changes = context.run([&](Transaction& tx) -> Result<schema::ChangeSet> {
    CPM_TRY(grant, schema::authorize(tx, who, canonical_path(path), schema::kRead));
    return schema::changes_since(tx, grant, ModSeq{});
  });
  if (!changes) {
    if (changes.error().failure != Failure::not_found) return changes.error();
    return fail(Failure::not_found, who.address + " has no mailbox \"" + path +
                                        "\"\nSee which there are: cpmctl mailbox list " + who.address);
  }
  return MailboxContent{who, std::move(changes->mailbox), std::move(changes->changed), std::move(changes->keywords)};
}

schema::FlagSet flags_of(const MailboxContent& content, const schema::MessageFlags& message) {
  schema::FlagSet flags{message.bits, {}};
  for (const schema::KeywordId id : message.keywords) {
    if (const std::string* name = content.keywords.name(id)) flags.keywords.push_back(*name);
  }
  return flags;
}

std::vector<std::string> flag_list(const schema::FlagSet& flags) {
  std::vector<std::string> names;
  for (const schema::FlagName& flag : schema::flag_names()) {
    if ((flags.bits & flag.bit) != 0) names.emplace_back(flag.name);
  }
  names.insert(names.end(), flags.keywords.begin(), flags.keywords.end());
  return names;
}

Result<std::vector<schema::MessageRow>> read_rows(Context& context, const MailboxContent& content, const UidSet& uids,
                                                  std::uint32_t columns, std::uint64_t inline_limit) {
  return context.run([&](Transaction& tx) -> Result<std::vector<schema::MessageRow>> {
    CPM_TRY(grant, schema::authorize(tx, content.who, content.mailbox.ref(), schema::kRead));
    return schema::fetch_rows(tx, grant, uids, columns, inline_limit);
  });
}

Result<void> record_download(Context& context, const MailboxContent& content,
                             const std::vector<schema::MessageRow>& rows, std::string_view how) {
  if (rows.empty()) return {};
  schema::AuditEntry entry;
  entry.command = schema::AuditCommand::fetch;
  entry.account = content.mailbox.account;
  entry.mailbox = content.mailbox.id;
  entry.path = content.mailbox.own_path();
  entry.detail = schema::audit_detail({{"how", how}});
  entry.messages = static_cast<std::uint32_t>(rows.size());
  UidSet uids;
  for (const schema::MessageRow& row : rows) {
    uids.add(row.uid.value);
    entry.octets += row.size;
  }
  entry.uids = uids.to_string();
  return context.run([&](Transaction& tx) -> Result<void> {
    schema::record(tx, content.who.via, entry);
    return {};
  });
}

Result<std::shared_ptr<Spool>> read_message(Context& context, const MailboxContent& content,
                                            const schema::MessageRow& row) {
  const auto short_of = [&](std::uint64_t got) {
    return fail(Failure::corrupt,
                "only " + std::to_string(got) + " of " + std::to_string(row.size) + " octets are stored");
  };
  if (row.bytes) {
    if (row.bytes->size() != row.size) return short_of(row.bytes->size());
    return std::make_shared<Spool>(*row.bytes);
  }
  CPM_TRY(config, context.config());
  auto spool = std::make_shared<Spool>(config->limits);
  while (spool->size() < row.size) {
    const std::uint64_t wanted = std::min(kRange, row.size - spool->size());
    auto octets = context.run([&](Transaction& tx) {
      return schema::read_octets(tx, content.mailbox.account, row.content, spool->size(), wanted);
    });
    if (!octets) return octets.error();
    if (octets->empty()) return short_of(spool->size());
    CPM_CHECK(spool->append(*octets));
  }
  return spool;
}

void tell_nodes(Context& context, AccountId account, MailboxId mailbox) {
  const auto told = context.run([&](Transaction& tx) -> Result<void> {
    schema::announce(tx, account, mailbox);
    return {};
  });
  static_cast<void>(told);
}

bool hopeless(Failure failure) noexcept {
  return failure == Failure::unavailable || failure == Failure::in_doubt || failure == Failure::unsupported;
}

void Progress::show(std::uint64_t messages, std::uint64_t done, std::uint64_t total) {
  if (!context_.io.err_terminal) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + kProgressPause;
  const std::uint64_t percent = total == 0 ? 100 : std::min<std::uint64_t>(100, done * 100 / total);
  context_.io.err << "\r\033[K" << verb_ << ' ' << messages << " messages, " << percent << " %" << std::flush;
  visible_ = true;
}

void Progress::clear() {
  if (visible_) context_.io.err << "\r\033[K" << std::flush;
  visible_ = false;
}

Json skipped_json(const std::vector<Skipped>& skipped) {
  Json all = Json::array();
  for (const Skipped& one : skipped) all.push_back({{"where", one.where}, {"why", one.why}});
  return all;
}

void print_skipped(Context& context, const std::vector<Skipped>& skipped) {
  for (const Skipped& one : skipped)
    context.io.err << "skipped " << printable(one.where) << ": " << printable(one.why) << '\n';
}

}  // namespace cpm::admin
