#include "schema/events.h"

#include "schema/content_rows.h"
#include "schema/conversations.h"
#include "schema/messages.h"
#include "schema/owners.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace cpm::schema {

namespace {

constexpr Query kIdentifier{
    "event_identifier",
    "select h.imdn_id from message m left join content_head h on h.account_id = $1"
    " and h.content_id = m.content_id where m.account_id = $1 and m.mailbox_id = $2 and m.uid = $3"};
constexpr Query kLock{"event_lock",
                      "select from mailbox m where m.account_id = $1 and m.mailbox_id = any ($2::int[])"
                      " order by m.mailbox_id for no key update"};
constexpr Query kLockConversations{"event_lock_conversations",
                                   "select conversation_lock_v1($1, array(select m.conversation_id from "
                                   "unnest($2::int[], $3::int[]) as t (mailbox, uid)"
                                   " join message m on m.account_id = $1 and m.mailbox_id = t.mailbox and m.uid = t.uid"
                                   " where m.conversation_id is not null))"};

// Whether the message at this place may be the one that the object names.
bool stands_at(Transaction& tx, const Grant& grant, const EventObject& object) {
  const pqxx::result rows = tx.exec(kIdentifier, grant.account().value, grant.mailbox().id.value, object.uid.value);
  if (rows.empty()) return false;
  return object.message_id.empty() || rows[0][0].is_null() || clean_fact(object.message_id) == rows[0][0].c_str();
}

std::vector<EventPlace> places_of(const std::vector<ObjectPlace>& found, bool in_folder) {
  // A copy that the user keeps elsewhere is no part of the history.
  const bool original =
      !in_folder && std::any_of(found.begin(), found.end(), [](const ObjectPlace& place) { return place.original; });
  std::vector<EventPlace> out;
  for (const ObjectPlace& place : found) {
    if (original && !place.original) continue;
    out.push_back({place.mailbox, place.path, place.uid});
  }
  return out;
}

Result<std::vector<EventPlace>> locate(Transaction& tx, const Principal& who, const EventObject& object) {
  ObjectQuery query;
  query.imdn_message_id = object.message_id;
  if (leads_elsewhere(object.folder)) return std::vector<EventPlace>{};  // histories are one's own
  if (!object.folder.empty()) {
    auto grant = authorize(tx, who, object.folder, kRead);
    if (!grant && grant.error().failure == Failure::not_found) return std::vector<EventPlace>{};
    if (!grant) return grant.error();
    if (object.uid.value != 0 && stands_at(tx, *grant, object))
      return std::vector<EventPlace>{{grant->mailbox().id, object.folder, object.uid}};
    if (object.message_id.empty()) return std::vector<EventPlace>{};
    query.mailbox = object.folder;
    CPM_TRY(found, find_objects(tx, who, query));
    return places_of(found, true);
  }
  if (object.message_id.empty()) return std::vector<EventPlace>{};
  // Clients do not agree on which identifiers an object has in its header: one of those that are told is enough.
  const bool told = !object.conversation_id.empty() || !object.contribution_id.empty() || !object.other_party.empty();
  if (!told) {
    CPM_TRY(found, find_objects(tx, who, query));
    return places_of(found, false);
  }
  for (const auto& [to, from] : {std::pair(&ObjectQuery::conversation_id, &EventObject::conversation_id),
                                 std::pair(&ObjectQuery::party, &EventObject::other_party),
                                 std::pair(&ObjectQuery::within_contribution, &EventObject::contribution_id)}) {
    if ((object.*from).empty()) continue;
    ObjectQuery narrowed = query;
    narrowed.*to = object.*from;
    CPM_TRY(found, find_objects(tx, who, narrowed));
    if (!found.empty()) return places_of(found, false);
  }
  return std::vector<EventPlace>{};
}

using Places = std::vector<std::vector<EventPlace>>;  // of each object of the request, in order

void lock_places(Transaction& tx, AccountId account, const Places& places) {
  std::vector<std::int64_t> mailboxes, uids;
  for (const auto& some : places) {
    for (const EventPlace& place : some) {
      mailboxes.push_back(place.mailbox.value);
      uids.push_back(place.uid.value);
    }
  }
  if (mailboxes.empty()) return;
  const std::string list = array(std::span<const std::int64_t>(mailboxes));
  tx.exec(kLock, account.value, list);
  tx.exec(kLockConversations, account.value, list, array(std::span<const std::int64_t>(uids)));
}

// One operation on the objects from number `first` on.
class Operation {
 public:
  Operation(Transaction& tx, const Principal& who, const EventOperation& operation, const Limits& limits)
      : tx_(tx), who_(who), operation_(operation), limits_(limits) {}

  Result<void> run(const Places& places, std::size_t first) {
    std::map<std::int32_t, UidSet> wanted;
    for (std::size_t i = 0; i < operation_.objects.size(); ++i)
      for (const EventPlace& place : places[first + i]) wanted[place.mailbox.value].add(place.uid.value);
    for (const auto& [id, uids] : wanted) {
      CPM_TRY(grant, authorize(tx_, who_, MailboxRef{who_.account, MailboxId{id}}, kRead));
      CPM_TRY(stored, store_flags(tx_, grant,
                                  {uids, operation_.add ? FlagChange::add : FlagChange::remove, operation_.flags, {}},
                                  limits_));
      for (const MessageFlags& message : stored.messages) there_[id].add(message.uid.value);
      changed_[id] = stored.changed;
    }
    return {};
  }

  EventAnswer answer(const std::vector<EventPlace>& places) const {
    EventAnswer out;
    for (const EventPlace& place : places) {
      if (!has(there_, place)) continue;  // gone meanwhile
      out.places.push_back(place);
      if (has(changed_, place)) out.outcome = EventOutcome::applied;
      if (out.outcome == EventOutcome::not_found) out.outcome = EventOutcome::unchanged;
    }
    return out;
  }

  void changed(std::set<std::int32_t>& to) const {
    for (const auto& [id, uids] : changed_)
      if (!uids.empty()) to.insert(id);
  }

 private:
  using Sets = std::map<std::int32_t, UidSet>;
  static bool has(const Sets& sets, const EventPlace& place) {
    const auto found = sets.find(place.mailbox.value);
    return found != sets.end() && found->second.contains(place.uid.value);
  }

  Transaction& tx_;
  const Principal& who_;
  const EventOperation& operation_;
  const Limits& limits_;
  Sets there_, changed_;
};

}  // namespace

Result<EventResult> apply_event(Transaction& tx, const Principal& who, const EventRequest& request,
                                const Limits& limits) {
  Places places;
  for (const EventOperation& operation : request.operations) {
    for (const EventObject& object : operation.objects) {
      CPM_TRY(found, locate(tx, who, object));
      places.push_back(std::move(found));
    }
  }
  lock_places(tx, who.account, places);

  EventResult out;
  std::set<std::int32_t> changed;
  std::size_t first = 0;
  for (std::size_t i = 0; i < request.operations.size(); ++i) {
    const EventOperation& operation = request.operations[i];
    Operation work(tx, who, operation, limits);
    CPM_CHECK(work.run(places, first));
    work.changed(changed);
    for (std::size_t n = 0; n < operation.objects.size(); ++n) {
      EventAnswer answer = work.answer(places[first + n]);
      answer.operation = i;
      answer.object = n;
      ++(answer.outcome == EventOutcome::applied     ? out.applied
         : answer.outcome == EventOutcome::unchanged ? out.unchanged
                                                     : out.not_found);
      out.answers.push_back(std::move(answer));
    }
    first += operation.objects.size();
  }
  for (const std::int32_t id : changed) out.changed_mailboxes.emplace_back(id);
  return out;
}

}  // namespace cpm::schema
