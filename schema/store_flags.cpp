#include "schema/flag_rows.h"
#include "schema/keywords.h"
#include "schema/messages.h"
#include "schema/packed.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>

namespace cpm::schema {

namespace {

constexpr Query kSet{"flags_set", "select highestmodseq, packed, keywords from flags_set_v1($1, $2, $3, $4, $5, $6)"};

constexpr Query kApply{"flags_apply", "select flags_apply_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};

constexpr std::uint32_t kAllBits = 0x7fffffff;

// What a STORE does to one message, rights already applied.
struct Change {
  FlagChange kind = FlagChange::replace;
  std::uint32_t keep = kAllBits;  // new = (old & keep) | set
  std::uint32_t set = 0;
  bool touches_keywords = false;
  std::vector<KeywordId> keywords;  // sorted

  [[nodiscard]] std::vector<KeywordId> keywords_after(const std::vector<KeywordId>& old) const {
    if (!touches_keywords) return old;
    if (kind == FlagChange::replace) return keywords;
    std::vector<KeywordId> out;
    if (kind == FlagChange::add) {
      std::set_union(old.begin(), old.end(), keywords.begin(), keywords.end(), std::back_inserter(out));
    } else {
      std::set_difference(old.begin(), old.end(), keywords.begin(), keywords.end(), std::back_inserter(out));
    }
    return out;
  }
};

// Rights per flag (RFC 4314 4): what the grant does not cover stays as it is.
Result<Change> change_of(const Grant& grant, const StoreRequest& request) {
  std::uint32_t allowed = 0;
  if (grant.holds(kKeepSeen)) allowed |= kSeen;
  if (grant.holds(kDeleteMessage)) allowed |= kDeleted;
  if (grant.holds(kWrite)) allowed |= kAllBits & ~(kSeen | kDeleted);
  const std::uint32_t set = request.flags.bits & allowed;
  const bool keywords =
      grant.holds(kWrite) && (request.change == FlagChange::replace || !request.flags.keywords.empty());
  const bool asked = request.flags.bits != 0 || !request.flags.keywords.empty();
  if (allowed == 0 || (request.change != FlagChange::replace && asked && set == 0 && !keywords)) {
    return fail(Failure::denied, "no right to change these flags");
  }
  Change out{request.change, kAllBits, set, keywords, {}};
  if (request.change == FlagChange::replace) out.keep = (~allowed | request.untouched) & kAllBits;
  if (request.change == FlagChange::remove) {
    out.keep = ~set & kAllBits;
    out.set = 0;
  }
  return out;
}

// What changed, for the counters and for the statement.
struct Effect {
  std::vector<std::uint32_t> uids;
  std::int64_t unseen = 0, deleted = 0, deleted_bytes = 0;

  void note(std::uint32_t uid, std::uint32_t before, std::uint32_t after, std::uint32_t size) {
    uids.push_back(uid);
    unseen += ((before & kSeen) != 0 ? 1 : 0) - ((after & kSeen) != 0 ? 1 : 0);
    const int gone = ((after & kDeleted) != 0 ? 1 : 0) - ((before & kDeleted) != 0 ? 1 : 0);
    deleted += gone;
    deleted_bytes += std::int64_t{gone} * size;
  }
};

std::string keyword_array(const std::vector<KeywordId>& keywords) {
  const std::vector<std::uint32_t> wide(keywords.begin(), keywords.end());
  return array(std::span<const std::uint32_t>(wide));
}

ModSeq apply(Transaction& tx, const Grant& grant, const Change& change, const Effect& effect) {
  std::optional<bool> replace;
  std::optional<std::string> add, remove;
  if (change.touches_keywords) {
    replace = change.kind == FlagChange::replace;
    if (change.kind != FlagChange::remove && !change.keywords.empty()) add = keyword_array(change.keywords);
    if (change.kind == FlagChange::remove) remove = keyword_array(change.keywords);
  }
  const pqxx::result rows = tx.exec(kApply, grant.account().value, grant.mailbox().id.value,
                                    array(std::span<const std::uint32_t>(effect.uids)), change.keep, change.set,
                                    replace, add, remove, effect.unseen, effect.deleted, effect.deleted_bytes);
  return ModSeq{rows[0][0].as<std::uint64_t>()};
}

}  // namespace

std::vector<FlagRow> flag_rows_from(const pqxx::row& row) {
  Unpacker packed(row[1]);
  auto keywords = keywords_from(row[2]);
  std::vector<FlagRow> out;
  out.reserve(packed.left() / 16);
  while (!packed.done()) {
    FlagRow& to = out.emplace_back();
    to.message.uid = Uid{packed.number()};
    to.message.modseq = ModSeq{packed.number()};
    to.message.bits = packed.number();
    to.size = packed.number();
    if (keywords.empty()) continue;
    if (const auto found = keywords.find(to.message.uid.value); found != keywords.end())
      to.message.keywords = std::move(found->second);
  }
  std::sort(out.begin(), out.end(), [](const FlagRow& a, const FlagRow& b) { return a.message.uid < b.message.uid; });
  return out;
}

bool in_one_statement(const StoreRequest& request) {
  return request.change != FlagChange::replace && request.flags.keywords.empty() && !request.unchanged_since;
}

Result<StoreResult> store_flags(Transaction& tx, const Grant& grant, const StoreRequest& request,
                                const Limits& limits) {
  CPM_TRY(change, change_of(grant, request));
  StoreResult out;
  out.highestmodseq = grant.mailbox().highestmodseq;
  const RangeArrays ranges(request.uids);
  if (ranges.empty) return out;
  const AccountId account = grant.account();
  const MailboxId mailbox = grant.mailbox().id;
  const bool at_once = in_one_statement(request);
  const pqxx::result locked =
      at_once ? tx.exec(kSet, account.value, mailbox.value, ranges.lo, ranges.hi, change.keep, change.set)
              : tx.exec(kLockFlags, account.value, mailbox.value, ranges.lo, ranges.hi);
  out.highestmodseq = ModSeq{locked[0][0].as<std::uint64_t>()};

  std::vector<FlagRow> rows = flag_rows_from(locked[0]);
  if (request.unchanged_since) {
    std::erase_if(rows, [&](const FlagRow& row) {
      if (row.message.modseq <= *request.unchanged_since) return false;
      out.modified.add(row.message.uid.value);
      return true;
    });
  }
  const bool have =
      std::any_of(rows.begin(), rows.end(), [](const FlagRow& row) { return !row.message.keywords.empty(); });
  const bool named = change.touches_keywords && !request.flags.keywords.empty();
  if (!at_once && !rows.empty() && (have || named)) {
    out.keywords = read_keywords(tx, account, mailbox);
    if (named && change.kind != FlagChange::remove) {
      CPM_CHECK(add_keywords(tx, account, mailbox, out.keywords, request.flags.keywords, limits));
    }
    if (named) change.keywords = keyword_ids(out.keywords, request.flags.keywords);
  }

  Effect effect;
  out.messages.reserve(rows.size());
  for (FlagRow& row : rows) {
    MessageFlags& message = out.messages.emplace_back(std::move(row.message));
    const std::uint32_t bits = (message.bits & change.keep) | change.set;
    auto keywords = change.keywords_after(message.keywords);
    if (bits == message.bits && keywords == message.keywords) continue;
    effect.note(message.uid.value, message.bits, bits, row.size);
    out.changed.add(message.uid.value);
    message.bits = bits;
    message.keywords = std::move(keywords);
  }
  if (effect.uids.empty()) return out;
  if (!at_once) out.highestmodseq = apply(tx, grant, change, effect);
  auto next = effect.uids.begin();
  for (MessageFlags& message : out.messages) {
    if (next == effect.uids.end()) break;
    if (message.uid.value != *next) continue;
    message.modseq = out.highestmodseq;
    ++next;
  }
  return out;
}

}  // namespace cpm::schema
