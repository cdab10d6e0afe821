#include "imap/session/sort.h"

#include "imap/mime/casemap.h"
#include "imap/session/key_pages.h"
#include "schema/annotations.h"
#include "schema/fetch.h"

#include <algorithm>
#include <memory>
#include <numeric>

namespace cpm::imap {

std::uint8_t Scores::of(std::uint32_t uid) const {
  const auto at = std::lower_bound(uids.begin(), uids.end(), uid);
  const auto index = static_cast<std::size_t>(at - uids.begin());
  return at != uids.end() && *at == uid && index < scores.size() ? scores[index] : std::uint8_t{1};
}

schema::SortColumns SortTable::columns() const {
  auto columns = schema::SortColumns::message;
  for (const SortCriterion& criterion : order_) {
    if (criterion.key == SortKey::arrival || criterion.key == SortKey::size || criterion.key == SortKey::relevancy ||
        criterion.key == SortKey::annotation)
      continue;
    if (criterion.key != SortKey::date) return schema::SortColumns::keys;
    columns = schema::SortColumns::dates;
  }
  return columns;
}

void SortTable::add_number(std::int64_t number) {
  values_.push_back({static_cast<std::uint64_t>(number) ^ (std::uint64_t{1} << 63), 0, 0});
}

void SortTable::add_text(std::string_view utf8) {
  const std::size_t begin = texts_.size();
  mime::append_ordered(texts_, utf8, collation_);
  const std::size_t length = texts_.size() - begin;
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    prefix = prefix << 8 | (i < length ? static_cast<unsigned char>(texts_[begin + i]) : 0);
  }
  values_.push_back({prefix, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(length)});
}

Result<void> SortTable::prepare(schema::Transaction& tx, const schema::Grant& grant, AccountId user,
                                const UidSet& uids) {
  schema::AnnotationsWanted wanted;
  wanted.of_user = wanted.shared = false;
  for (const SortCriterion& criterion : order_) {
    if (criterion.key != SortKey::annotation) continue;
    wanted.entries.push_back(criterion.entry);
    (criterion.shared ? wanted.shared : wanted.of_user) = true;
  }
  if (wanted.entries.empty()) return {};
  CPM_TRY(messages, schema::read_annotations(tx, grant, user, uids, wanted));
  for (schema::MessageAnnotations& message : messages) {
    std::vector<std::string>& values = annotations_[message.uid.value];
    values.resize(order_.size());
    for (schema::AnnotationValue& one : message.values) {
      for (std::size_t i = 0; i < order_.size(); ++i) {
        const bool meant = order_[i].key == SortKey::annotation && order_[i].entry == one.entry;
        if (meant && order_[i].shared == one.shared) values[i] = *one.value;
      }
    }
  }
  return {};
}

void SortTable::add(const schema::SortRow& row, const mime::SortKeys& keys) {
  uids_.push_back(row.uid.value);
  const auto annotated = annotations_.find(row.uid.value);
  for (std::size_t i = 0; i < order_.size(); ++i) {
    switch (order_[i].key) {
      case SortKey::arrival: add_number(row.internal_date); break;
      case SortKey::date: add_number(row.sent); break;
      case SortKey::size: add_number(static_cast<std::int64_t>(row.size)); break;
      case SortKey::cc: add_text(keys.cc); break;
      case SortKey::from: add_text(keys.from); break;
      case SortKey::subject: add_text(keys.subject); break;
      case SortKey::to: add_text(keys.to); break;
      case SortKey::display_from: add_text(keys.display_from); break;
      case SortKey::display_to: add_text(keys.display_to); break;
      case SortKey::relevancy: add_number(scores_ ? -std::int64_t{scores_->of(row.uid.value)} : 0); break;
      case SortKey::annotation:
        add_text(annotated == annotations_.end() ? std::string_view() : annotated->second[i]);
        break;
    }
  }
}

void SortTable::append(const SortTable& page) {
  const auto shift = static_cast<std::uint32_t>(texts_.size());
  uids_.insert(uids_.end(), page.uids_.begin(), page.uids_.end());
  for (Value value : page.values_) {
    value.offset += shift;
    values_.push_back(value);
  }
  texts_ += page.texts_;
}

std::size_t SortTable::octets() const {
  return texts_.capacity() + values_.capacity() * sizeof(Value) + uids_.capacity() * sizeof(std::uint32_t);
}

std::size_t SortTable::index_of(std::uint32_t uid) const {
  const auto at = std::lower_bound(uids_.begin(), uids_.end(), uid);
  return at != uids_.end() && *at == uid ? static_cast<std::size_t>(at - uids_.begin()) : size();
}

int SortTable::compare(const Value& a, const Value& b) const {
  if (a.prefix != b.prefix) return a.prefix < b.prefix ? -1 : 1;
  const std::string_view texts = texts_;
  return texts.substr(a.offset, a.length).compare(texts.substr(b.offset, b.length));
}

bool SortTable::before(std::size_t a, std::size_t b) const {
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const int order = compare(values_[a * order_.size() + i], values_[b * order_.size() + i]);
    if (order != 0) return (order < 0) != order_[i].reverse;
  }
  return uids_[a] < uids_[b];
}

std::vector<std::uint32_t> SortTable::sorted() const {
  std::vector<std::uint32_t> order(size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [this](std::uint32_t a, std::uint32_t b) { return before(a, b); });
  for (std::uint32_t& one : order) one = uids_[one];
  return order;
}

Result<mime::SortKeys> keys_of_row(schema::Transaction& tx, const schema::Grant& grant, const schema::SortRow& row) {
  if (!row.keys.empty()) {
    auto keys = mime::decode_sort_keys(row.keys);
    if (keys) return std::move(*keys);
  }
  if (!row.header.empty() || row.header_octets == 0) return mime::sort_keys(row.header);
  CPM_TRY(header, schema::read_octets(tx, grant.account(), row.content, 0, row.header_octets));
  return mime::sort_keys(header);
}

boost::asio::awaitable<Result<SortTable>> read_sort_table(Session& session, MailboxId mailbox,
                                                          std::vector<std::uint32_t> uids, SortOrder order,
                                                          Collation collation, std::shared_ptr<const Scores> scores) {
  SortTable table(std::move(order), collation, std::move(scores));
  const std::size_t most = session.limits().sort_octets;
  auto take = [&table, most](const SortTable& page) -> Result<void> {
    table.append(page);
    if (table.octets() > most) return fail(Failure::limit, "Too many messages to sort at once: narrow the search");
    return {};
  };
  const schema::SortColumns columns = table.columns();
  SortTable empty = table;
  auto read = co_await read_key_pages(session, mailbox, std::move(uids), columns, std::move(empty), take);
  if (!read) co_return read.error();
  co_return std::move(table);
}

boost::asio::awaitable<Result<std::vector<std::uint32_t>>> sort_messages(Session& session, MailboxId mailbox,
                                                                         std::vector<std::uint32_t> uids,
                                                                         SortOrder order, Collation collation,
                                                                         std::shared_ptr<const Scores> scores) {
  constexpr std::size_t kFew = 5000;  // sorted within a few milliseconds, which is not worth another thread
  auto table =
      co_await read_sort_table(session, mailbox, std::move(uids), std::move(order), collation, std::move(scores));
  if (!table) co_return table.error();
  if (table->size() <= kFew) co_return table->sorted();
  auto shared = std::make_shared<const SortTable>(std::move(*table));
  auto work = [shared](std::size_t) -> Result<std::vector<std::uint32_t>> { return shared->sorted(); };
  auto sorted = co_await session.services.cpu.run(std::move(work));
  co_return sorted;
}

}  // namespace cpm::imap
