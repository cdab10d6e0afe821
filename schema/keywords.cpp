#include "schema/keywords.h"

#include <algorithm>
#include <charconv>

namespace cpm::schema {

namespace {

constexpr Query kRead{"keyword_read",
                      "select string_agg(keyword_id || ' ' || name, ' ' order by keyword_id) from keyword"
                      " where account_id = $1 and mailbox_id = $2"};

constexpr Query kNumbers{"keyword_numbers",
                         "update mailbox set next_keyword = next_keyword + $3 where account_id = $1 and mailbox_id = $2"
                         " returning next_keyword - $3"};

constexpr Query kInsert{
    "keyword_insert",
    "insert into keyword (account_id, mailbox_id, keyword_id, name)"
    " select $1, $2, $3::int + t.n - 1, t.name from unnest($4::text[]) with ordinality as t (name, n)"};

// Names are atoms (RFC 9051 9, flag-keyword): a blank or a control character would break the packed form.
bool atom(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet <= ' ' || octet >= 0x7f || std::string_view("(){%*\"\\]").find(c) != std::string_view::npos;
  });
}

}  // namespace

KeywordTable parse_keywords(std::string_view text) {
  KeywordTable out;
  while (!text.empty()) {
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos) break;
    const std::size_t end = std::min(text.find(' ', blank + 1), text.size());
    KeywordId id = 0;
    std::from_chars(text.data(), text.data() + blank, id);
    out.add(id, std::string(text.substr(blank + 1, end - blank - 1)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

KeywordTable read_keywords(Transaction& tx, AccountId account, MailboxId mailbox) {
  const pqxx::result rows = tx.exec(kRead, account.value, mailbox.value);
  return parse_keywords(std::string_view(rows[0][0].c_str(), rows[0][0].size()));
}

std::vector<KeywordId> keyword_ids(const KeywordTable& table, std::span<const std::string> names) {
  std::vector<KeywordId> out;
  for (const std::string& name : names) {
    if (const auto id = table.find(name)) out.push_back(*id);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Result<void> add_keywords(Transaction& tx, AccountId account, MailboxId mailbox, KeywordTable& table,
                          std::span<const std::string> names, const Limits& limits) {
  std::vector<std::string> missing;
  KeywordTable extended = table;
  for (const std::string& name : names) {
    if (extended.find(name)) continue;
    if (!atom(name)) return fail(Failure::invalid, "a keyword has characters that are not allowed");
    if (name.size() > limits.keyword_octets) return fail(Failure::limit, "a keyword is too long");
    // A number above every real one, until the row gives the real ones.
    extended.add(static_cast<KeywordId>(0x8000U + missing.size()), name);
    missing.push_back(name);
    if (extended.entries().size() > limits.keywords_per_mailbox)
      return fail(Failure::limit, "too many keywords in this mailbox");
  }
  if (missing.empty()) return {};
  const pqxx::result rows = tx.exec(kNumbers, account.value, mailbox.value, missing.size());
  if (rows.empty()) return fail(Failure::not_found, "no such mailbox");
  const auto first = rows[0][0].as<KeywordId>();
  tx.exec(kInsert, account.value, mailbox.value, first, array(std::span<const std::string>(missing)));
  for (std::size_t i = 0; i < missing.size(); ++i) table.add(static_cast<KeywordId>(first + i), missing[i]);
  return {};
}

}  // namespace cpm::schema
