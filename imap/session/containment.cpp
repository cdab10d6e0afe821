#include "imap/session/containment.h"

#include "schema/conversations.h"
#include "schema/owners.h"

#include <algorithm>

#if __has_include("imap/cpm/containment.h")
#include "imap/cpm/containment.h"
#define CPMSTORE_HAS_CPM
#endif

namespace cpm::imap {

namespace {

#ifdef CPMSTORE_HAS_CPM
using cpm_objects::Place;
using schema::ObjectKind;

Result<void> refused(const std::optional<std::string>& reason) {
  if (reason) return fail(Failure::invalid, *reason);
  return {};
}

bool below_session(const Settings& settings, std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return false;
  return cpm_objects::place_of(path.substr(0, slash), settings.history_roots).kind == Place::Kind::session;
}

Result<void> may_stand(schema::Transaction& tx, const schema::Grant& to, const Place& place,
                       const std::vector<ObjectKind>& kinds) {
  bool held = place.kind == Place::Kind::session && schema::holds_object(tx, to, ObjectKind::session_info);
  for (const ObjectKind kind : kinds) {
    CPM_CHECK(refused(cpm_objects::refuse_object(place, kind, held)));
    held = held || kind == ObjectKind::session_info;
  }
  return {};
}
#endif

}  // namespace

Result<void> may_store([[maybe_unused]] schema::Transaction& tx, const Settings& settings,
                       [[maybe_unused]] const schema::Principal& who, [[maybe_unused]] std::string_view path,
                       [[maybe_unused]] const std::vector<schema::StagedMessage>& messages) {
  if (!settings.containment) return {};
#ifdef CPMSTORE_HAS_CPM
  const Place place = cpm_objects::place_of(schema::own_part(path), settings.history_roots);
  if (place.kind == Place::Kind::none) return {};
  AccountId account = who.account;
  if (schema::leads_elsewhere(path)) {
    CPM_TRY(there, schema::authorize(tx, who, path, schema::kInsert));
    account = there.account();
  }
  CPM_CHECK(schema::lock_account_row(tx, account));
  CPM_TRY(grant, schema::authorize(tx, who, path, schema::kInsert));
  std::vector<ObjectKind> kinds;
  for (const schema::StagedMessage& message : messages) kinds.push_back(message.message.head.facts.kind);
  return may_stand(tx, grant, place, kinds);
#else
  return {};
#endif
}

Result<void> may_copy([[maybe_unused]] schema::Transaction& tx, const Settings& settings,
                      [[maybe_unused]] const schema::Grant& from, [[maybe_unused]] const UidSet& uids,
                      [[maybe_unused]] const schema::Grant& to, [[maybe_unused]] bool move) {
  if (!settings.containment) return {};
#ifdef CPMSTORE_HAS_CPM
  const Place source = cpm_objects::place_of(from.mailbox().own_path(), settings.history_roots);
  const Place target = cpm_objects::place_of(to.mailbox().own_path(), settings.history_roots);
  if (move) CPM_CHECK(refused(cpm_objects::refuse_move(source, target)));
  if (target.kind == Place::Kind::none) return {};
  CPM_CHECK(schema::lock_account_row(tx, to.account()));
  return may_stand(tx, to, target, schema::kinds_of(tx, from, uids));
#else
  return {};
#endif
}

Result<void> may_leave(const Settings& settings, [[maybe_unused]] std::string_view from,
                       [[maybe_unused]] std::string_view to) {
  if (!settings.containment) return {};
#ifdef CPMSTORE_HAS_CPM
  return refused(cpm_objects::refuse_move(cpm_objects::place_of(schema::own_part(from), settings.history_roots),
                                          cpm_objects::place_of(schema::own_part(to), settings.history_roots)));
#else
  return {};
#endif
}

Result<void> may_move_tree(const Settings& settings, [[maybe_unused]] std::string_view from,
                           [[maybe_unused]] std::string_view to) {
  if (!settings.containment) return {};
#ifdef CPMSTORE_HAS_CPM
  return refused(cpm_objects::refuse_tree(cpm_objects::place_of(from, settings.history_roots),
                                          cpm_objects::place_of(to, settings.history_roots),
                                          below_session(settings, to)));
#else
  return {};
#endif
}

Result<void> may_make(const Settings& settings, [[maybe_unused]] std::string_view path) {
  if (!settings.containment) return {};
#ifdef CPMSTORE_HAS_CPM
  return refused(
      cpm_objects::refuse_mailbox(cpm_objects::place_of(path, settings.history_roots), below_session(settings, path)));
#else
  return {};
#endif
}

}  // namespace cpm::imap
