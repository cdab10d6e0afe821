#include "schema/mailboxes.h"

#include "schema/access.h"
#include "schema/content_rows.h"
#include "schema/database.h"
#include "schema/mailbox_rows.h"
#include "schema/owners.h"

#include <algorithm>
#include <array>

namespace cpm::schema {

namespace {

constexpr Query kList{"mailbox_list", "select " CPM_MAILBOX_COLUMNS " from mailbox m where m.account_id = $1"};

constexpr Query kByName{"mailbox_by_name",
                        "select " CPM_MAILBOX_COLUMNS
                        " from mailbox m where m.account_id = $1 and m.parent_id = 0 and m.name = $2"};

constexpr Query kByPath{
    "mailbox_by_path",
    "with recursive walk (mailbox_id, depth) as ("
    " select mailbox_id, 1 from mailbox where account_id = $1 and parent_id = 0 and name = ($2::text[])[1]"
    " union all"
    " select c.mailbox_id, w.depth + 1 from walk w join mailbox c on c.account_id = $1"
    " and c.parent_id = w.mailbox_id and c.name = ($2::text[])[w.depth + 1])"
    " select " CPM_MAILBOX_COLUMNS
    " from walk w join mailbox m on m.account_id = $1 and m.mailbox_id = w.mailbox_id"
    " where w.depth = cardinality($2::text[])"};

// The path of a mailbox at the top level is its name: nothing else is read then.
constexpr Query kById{
    "mailbox_by_id",
    "select " CPM_MAILBOX_COLUMNS
    ", case when m.parent_id = 0 then m.name else ("
    " with recursive up (parent_id, path) as ("
    "  select m.parent_id, m.name"
    "  union all"
    "  select p.parent_id, (p.name || '/' || up.path) collate \"C\" from up join mailbox p on p.account_id = $1"
    "  and p.mailbox_id = up.parent_id where up.parent_id <> 0)"
    " select path from up where parent_id = 0) end"
    " from mailbox m where m.account_id = $1 and m.mailbox_id = $2"};

constexpr Query kClaimRecent{"mailbox_claim_recent", "select claim_recent_v1($1, $2, $3)"};

constexpr std::array<std::string_view, 9> kUseNames{"",       "\\All",  "\\Archive", "\\Drafts",   "\\Flagged",
                                                    "\\Junk", "\\Sent", "\\Trash",   "\\Important"};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

// Orders INBOX first and a mailbox before what is below it, without splitting. Text in the store never holds a zero
// octet.
std::string sort_key(const std::string& path) {
  const bool inbox = path == "INBOX" || path.starts_with("INBOX/");
  std::string key = (inbox ? '\0' : '\1') + path;
  std::replace(key.begin(), key.end(), '/', '\0');
  return key;
}

}  // namespace

std::string_view special_use_name(SpecialUse use) noexcept {
  const auto index = static_cast<std::size_t>(use);
  return index < kUseNames.size() ? kUseNames[index] : std::string_view();
}

std::optional<SpecialUse> special_use_from(std::string_view name) noexcept {
  for (std::size_t index = 1; index < kUseNames.size(); ++index) {
    if (same(kUseNames[index], name)) return static_cast<SpecialUse>(index);
  }
  return std::nullopt;
}

namespace {

// `number(column)` reads one of CPM_MAILBOX_COLUMNS.
template <class Number>
MailboxRow mailbox_of(AccountId account, Number number) {
  const auto small = [&](int column) { return static_cast<std::uint32_t>(number(column)); };
  const auto large = [&](int column) { return static_cast<std::uint64_t>(number(column)); };
  MailboxRow out;
  out.account = account;
  out.id = MailboxId{static_cast<std::int32_t>(number(0))};
  out.uidvalidity = UidValidity{small(3)};
  out.uidnext = Uid{small(4)};
  out.highestmodseq = ModSeq{large(5)};
  out.messages = small(6);
  out.unseen = small(7);
  out.deleted = small(8);
  out.bytes = large(9);
  out.deleted_bytes = large(10);
  out.recent_from = Uid{small(11)};
  out.use = static_cast<SpecialUse>(number(12));
  out.owner_rights = static_cast<std::uint32_t>(number(13));
  return out;
}

MailboxRow mailbox_of(AccountId account, const BinaryRows& rows) {
  return mailbox_of(account, [&](int column) { return rows.number(0, column); });
}

}  // namespace

MailboxRow mailbox_from(AccountId account, const pqxx::row& row) {
  return mailbox_of(account, [&](int column) { return row[column].as<std::int64_t>(); });
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> out;
  for (std::size_t begin = 0;;) {
    const std::size_t end = path.find('/', begin);
    out.emplace_back(path.substr(begin, end - begin));
    if (end == std::string_view::npos) return out;
    begin = end + 1;
  }
}

// What no client could name (RFC 9051 5.1, RFC 6855 3): not UTF-8, control characters, line separators.
bool plain_text(std::string_view name) {
  if (clean_text(name) != name) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto octet = static_cast<unsigned char>(name[i]);
    if (octet < 0x20 || octet == 0x7f) return false;
    if (octet == 0xc2 && static_cast<unsigned char>(name[i + 1]) < 0xa0) return false;  // C1
    if (name.substr(i, 3) == "\u2028" || name.substr(i, 3) == "\u2029") return false;
  }
  return true;
}

Result<void> check_new_path(std::string_view path, const Limits& limits) {
  const auto components = split_path(path);
  for (const std::string& component : components) {
    if (component.empty()) return fail(Failure::invalid, "a mailbox name has an empty level");
    if (!plain_text(component)) return fail(Failure::invalid, "a mailbox name has a character that is not possible");
  }
  if (same(components.front(), "INBOX") && components.front() != "INBOX") {
    return fail(Failure::invalid, "INBOX is written in capitals");
  }
  if (components.front() == kOtherUsers || components.front() == kShared) {
    return fail(Failure::invalid, "this name leads to mailboxes of others");
  }
  if (path.size() > limits.mailbox_name_octets) return fail(Failure::limit, "mailbox name is too long");
  if (components.size() > limits.mailbox_depth) return fail(Failure::limit, "mailbox name has too many levels");
  return {};
}

std::optional<MailboxRow> find_mailbox(Transaction& tx, AccountId account, std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return std::nullopt;
  const auto components = split_path(path);
  const pqxx::result rows = components.size() == 1 ? tx.exec(kByName, account.value, path)
                                                   : tx.exec(kByPath, account.value, array(std::span(components)));
  if (rows.empty()) return std::nullopt;
  MailboxRow out = mailbox_from(account, rows[0]);
  out.path = path;
  return out;
}

std::optional<MailboxRow> find_mailbox(Transaction& tx, AccountId account, MailboxId id) {
  const pqxx::result rows = tx.exec(kById, account.value, id.value);
  if (rows.empty()) return std::nullopt;
  MailboxRow out = mailbox_from(account, rows[0]);
  out.path = rows[0][CPM_MAILBOX_COLUMNS_END].c_str();
  return out;
}

boost::asio::awaitable<FoundAtOnce> find_mailbox_at_once(Database& database, AccountId account, std::string path) {
  if (path.find('\0') != std::string::npos) co_return std::optional<MailboxRow>();
  const auto components = split_path(path);
  std::optional<BinaryRows> rows;
  if (components.size() == 1) {
    rows = co_await database.ask(Wall::of(account), kByName, account.value, path);
  } else {
    const std::string levels = array(std::span(components));
    rows = co_await database.ask(Wall::of(account), kByPath, account.value, levels);
  }
  if (!rows) co_return std::nullopt;
  if (rows->empty()) co_return std::optional<MailboxRow>();
  std::optional<MailboxRow> out = mailbox_of(account, *rows);
  out->path = std::move(path);
  co_return out;
}

boost::asio::awaitable<FoundAtOnce> find_mailbox_at_once(Database& database, AccountId account, MailboxId id) {
  auto rows = co_await database.ask(Wall::of(account), kById, account.value, id.value);
  if (!rows) co_return std::nullopt;
  if (rows->empty()) co_return std::optional<MailboxRow>();
  std::optional<MailboxRow> out = mailbox_of(account, *rows);
  out->path = rows->octets(0, CPM_MAILBOX_COLUMNS_END);
  co_return out;
}

void MailboxTree::add(MailboxId id, MailboxId parent, std::string name) { nodes_[id] = Node{parent, std::move(name)}; }

std::optional<std::string> MailboxTree::path(MailboxId id) const {
  std::vector<const std::string*> names;
  for (MailboxId at = id; at;) {
    const auto found = nodes_.find(at);
    if (found == nodes_.end() || names.size() > nodes_.size()) return std::nullopt;
    names.push_back(&found->second.name);
    at = found->second.parent;
  }
  std::string out;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (!out.empty()) out += '/';
    out += **name;
  }
  return out;
}

std::vector<MailboxId> MailboxTree::below(MailboxId id) const {
  std::unordered_multimap<MailboxId, MailboxId> children;
  for (const auto& [child, node] : nodes_) children.emplace(node.parent, child);
  std::vector<MailboxId> out;
  std::vector<MailboxId> open{id};
  while (!open.empty() && out.size() <= nodes_.size()) {
    const auto [begin, end] = children.equal_range(open.back());
    open.pop_back();
    for (auto child = begin; child != end; ++child) {
      out.push_back(child->second);
      open.push_back(child->second);
    }
  }
  return out;
}

bool before_in_list(const std::string& path, const std::string& other) { return sort_key(path) < sort_key(other); }

Result<std::vector<MailboxRow>> list_mailboxes(Transaction& tx, const Principal& who) {
  return mailboxes_of(tx, who.account);
}

Result<std::vector<MailboxRow>> mailboxes_of(Transaction& tx, AccountId account) {
  const pqxx::result rows = tx.exec(kList, account.value);
  MailboxTree tree;
  for (const auto& row : rows)
    tree.add(MailboxId{row[0].as<std::int32_t>()}, MailboxId{row[1].as<std::int32_t>()}, row[2].c_str());
  std::vector<std::pair<std::string, MailboxRow>> sorted;
  sorted.reserve(rows.size());
  for (const auto& row : rows) {
    MailboxRow mailbox = mailbox_from(account, row);
    auto path = tree.path(mailbox.id);
    if (!path) return fail(Failure::corrupt, "the list of mailboxes is damaged", "mailbox without parent");
    mailbox.path = std::move(*path);
    std::string key = sort_key(mailbox.path);
    sorted.emplace_back(std::move(key), std::move(mailbox));
  }
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<MailboxRow> out;
  out.reserve(sorted.size());
  for (auto& entry : sorted) out.push_back(std::move(entry.second));
  return out;
}

Result<Uid> claim_recent(Transaction& tx, const Grant& grant, Uid uidnext) {
  const MailboxRow& mailbox = grant.mailbox();
  if (mailbox.recent_from >= uidnext) return uidnext;  // somebody claimed them all
  const pqxx::result rows = tx.exec(kClaimRecent, mailbox.account.value, mailbox.id.value, uidnext.value);
  return rows[0][0].is_null() ? uidnext : Uid{rows[0][0].as<std::uint32_t>()};
}

}  // namespace cpm::schema
