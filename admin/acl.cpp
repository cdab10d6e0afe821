// cpmctl acl: who may do what in a mailbox (RFC 4314, docs/sharing.md): entries with their expiry, grantor and reason,
// and why somebody may or may not do something.
#include "schema/acl.h"
#include "admin/cli.h"
#include "admin/moment.h"
#include "admin/output.h"
#include "schema/accounts.h"
#include "schema/change_feed.h"
#include "schema/directory.h"
#include "schema/owners.h"

#include <algorithm>

namespace cpm::admin {

namespace {

using schema::Rights;
using schema::Transaction;

constexpr MailboxId kNames{0};  // imap/session/change_hub.h

struct AclOptions {
  std::string address, mailbox, who, rights, until, reason, service;
  bool negative = false, has_reason = false;
};

struct Place {
  schema::MailboxRef mailbox;
  std::string path;
};

std::string rights_of(Rights rights) { return schema::rights_text(rights, false); }
std::string rights_shown(Rights rights) { return rights == 0 ? "-" : rights_of(rights); }

Result<Rights> rights_from(const std::string& text) {
  const auto rights = schema::rights_from(text);
  if (rights) return *rights;
  return fail(Failure::invalid,
              "there is a right in \"" + printable(text) +
                  "\" that is not known\nThe letters are l r s w i p k x t e a n 0, and c and d: see docs/sharing.md");
}

std::string written(const schema::AclEntry& entry) { return (entry.negative ? "-" : "") + entry.identifier.text; }

Json to_json(const schema::AclEntry& entry) {
  const bool given = !entry.grantor.empty();
  return {{"identifier", entry.identifier.text},
          {"negative", entry.negative},
          {"rights", rights_of(entry.rights)},
          {"grantor", given ? Json(entry.grantor) : Json(nullptr)},
          {"granted", given ? Json(time_text(entry.granted)) : Json(nullptr)},
          {"expires", entry.expires ? Json(time_text(*entry.expires)) : Json(nullptr)},
          {"reason", entry.reason.empty() ? Json(nullptr) : Json(entry.reason)}};
}

Error explained(Error error) {
  if (error.failure != Failure::not_found) return error;
  if (error.text == "no such mailbox") return with_hint(error, "See which there are: cpmctl mailbox list ADDRESS");
  if (error.text == "no such group") return with_hint(error, "See which there are: cpmctl group list");
  if (error.text == "no such user") return with_hint(error, "WHO is an address of a user, group:NAME or anyone");
  return hint_missing_user(error);
}

Result<void> list(Context& context, const AclOptions& options) {
  CPM_CHECK(context.store());
  auto who = context.principal(options.address);
  if (!who) return hint_missing_user(who.error());
  auto entries = context.run([&](Transaction& tx) -> Result<std::vector<schema::AclEntry>> {
    CPM_TRY(grant, schema::authorize(tx, *who, canonical_path(options.mailbox), schema::kAdminister));
    return schema::list_acl(tx, grant);
  });
  if (!entries) return explained(entries.error());
  Json all = Json::array();
  Table table({"IDENTIFIER", "RIGHTS", "EXPIRES", "GRANTED", "BY", "REASON"});
  for (const schema::AclEntry& entry : *entries) {
    all.push_back(to_json(entry));
    const bool given = !entry.grantor.empty();
    table.add({printable(written(entry)), rights_shown(entry.rights),
               entry.expires ? time_text(*entry.expires) : "never", given ? time_text(entry.granted) : "-",
               given ? printable(entry.grantor) : "owner", printable(entry.reason)});
  }
  if (context.json) {
    print_json(context.io.out, all);
  } else {
    table.print(context.io.out);
  }
  return {};
}

// All nodes hear of it: sessions that have the mailbox selected, and those that show names to the one who is concerned.
void tell(Context& context, const Place& place, const schema::AclIdentifier& identifier) {
  [[maybe_unused]] const auto told = context.run([&](Transaction& tx) -> Result<void> {
    schema::announce(tx, place.mailbox.account, place.mailbox.id);
    schema::announce(tx, place.mailbox.account, kNames);
    if (identifier.kind == schema::GranteeKind::account) schema::announce(tx, AccountId{identifier.id}, kNames);
    return {};
  });
}

struct Changed {
  bool different = false;
  Place place;
  schema::AclIdentifier identifier;
};

// One change, and what is there afterwards.
template <class Change>
Result<Changed> change(Context& context, const AclOptions& options, Change apply) {
  CPM_CHECK(context.store());
  auto who = context.principal(options.address);
  if (!who) return hint_missing_user(who.error());
  auto changed = context.run([&](Transaction& tx) -> Result<Changed> {
    CPM_TRY(grant, schema::authorize(tx, *who, canonical_path(options.mailbox), schema::kAdminister));
    CPM_TRY(identifier, schema::find_identifier(tx, options.who));
    const schema::Principal actor{who->account, {}, "cpmctl", schema::Role::admin};
    CPM_TRY(different, apply(tx, actor, grant, identifier));
    return Changed{different, {grant.ref(), grant.mailbox().path}, identifier};
  });
  if (!changed) return explained(changed.error());
  if (changed->different) tell(context, changed->place, changed->identifier);
  return changed;
}

Json facts(const AclOptions& options, const Changed& changed) {
  return {{"changed", changed.different},
          {"address", options.address},
          {"mailbox", changed.place.path},
          {"identifier", changed.identifier.text},
          {"negative", options.negative}};
}

std::string sentence(const AclOptions& options, const Changed& changed, const std::string& what) {
  const std::string entry = (options.negative ? "-" : "") + changed.identifier.text;
  return printable(entry) + (changed.different ? " now has " : " has ") + what + " in " +
         printable(changed.place.path) + " of " + options.address;
}

Result<void> grant(Context& context, const AclOptions& options) {
  schema::NewAclEntry entry;
  entry.negative = options.negative;
  std::string letters = options.rights;
  if (letters.starts_with('+')) {
    entry.change = schema::AclChange::add;
    letters.erase(0, 1);
  }
  CPM_TRY(rights, rights_from(letters));
  if (rights == 0) {
    return fail(Failure::invalid,
                "there are no rights to give\nTo take an entry away: cpmctl acl revoke ADDRESS MAILBOX WHO");
  }
  entry.rights = rights;
  if (!options.until.empty()) {
    CPM_TRY(until, expiry_from(options.until));
    entry.expires = until;
  }
  if (options.has_reason) entry.reason = options.reason;
  CPM_TRY(config, context.config());
  Rights now = 0;
  auto changed = change(context, options,
                        [&](Transaction& tx, const schema::Principal& who, const schema::Grant& grant,
                            const schema::AclIdentifier& identifier) -> Result<bool> {
                          entry.identifier = identifier;
                          CPM_TRY(different, schema::set_acl(tx, who, grant, entry, config->limits));
                          CPM_TRY(entries, schema::list_acl(tx, grant));
                          for (const schema::AclEntry& one : entries) {
                            if (one.identifier == identifier && one.negative == entry.negative) now = one.rights;
                          }
                          return different;
                        });
  if (!changed) return changed.error();
  Json said = facts(options, *changed);
  said["rights"] = rights_of(now);
  print_done(context, sentence(options, *changed, (options.negative ? "no right to " : "") + rights_of(now)), said);
  return {};
}

Result<void> revoke(Context& context, const AclOptions& options) {
  Rights rights = 0;
  if (!options.rights.empty()) {
    CPM_TRY(named, rights_from(options.rights));
    rights = named;
  }
  CPM_TRY(config, context.config());
  auto changed = change(context, options,
                        [&](Transaction& tx, const schema::Principal& who, const schema::Grant& grant,
                            const schema::AclIdentifier& identifier) -> Result<bool> {
                          if (options.rights.empty())
                            return schema::delete_acl(tx, who, grant, identifier, options.negative);
                          schema::NewAclEntry entry;
                          entry.identifier = identifier;
                          entry.negative = options.negative;
                          entry.change = schema::AclChange::remove;
                          entry.rights = rights;
                          return schema::set_acl(tx, who, grant, entry, config->limits);
                        });
  if (!changed) return changed.error();
  const std::string what = options.rights.empty() ? "no entry" : "no " + rights_of(rights) + " by its entry";
  print_done(context, sentence(options, *changed, what), facts(options, *changed));
  return {};
}

// -- explain

struct Explained {
  schema::AclExplanation of;
  std::string reader, owner, path;
  bool disabled = false;
  bool owner_disabled = false;
  std::optional<schema::Role> role;  // of the service that acts for the reader
  bool permitted = true;             // the service may act for them
  Rights effective = 0;              // after all of that
};

Result<Explained> look(Transaction& tx, const AclOptions& options) {
  CPM_TRY(reader, schema::find_account(tx, options.address));
  Explained out;
  out.reader = reader.address;
  out.disabled = reader.disabled;
  const std::string path = canonical_path(options.mailbox);
  const schema::Principal who{reader.id, reader.address, "cpmctl", schema::Role::admin};
  AccountId owner = reader.id;
  std::string own = path;
  if (schema::leads_elsewhere(path)) {
    const auto place = schema::owner_of(tx, who, path);
    if (!place || place->path.empty()) return fail(Failure::not_found, "no such mailbox");
    owner = place->account;
    own = place->path;
  }
  const schema::Principal admin{owner, {}, "cpmctl", schema::Role::admin};
  CPM_TRY(grant, schema::authorize(tx, admin, own, 0));
  CPM_TRY(of, schema::explain_acl(tx, reader.id, grant));
  out.of = std::move(of);
  out.path = grant.mailbox().path;
  CPM_TRY(entries, schema::list_acl(tx, grant));
  for (const schema::AclEntry& entry : entries) {
    if (entry.identifier.kind == schema::GranteeKind::account && entry.identifier.id == owner.value)
      out.owner = entry.identifier.text;
  }
  out.effective = out.of.effective;
  if (!options.service.empty()) {
    CPM_TRY(services, schema::list_services(tx));
    const auto found =
        std::find_if(services.begin(), services.end(), [&](const auto& one) { return one.name == options.service; });
    if (found == services.end()) {
      return fail(Failure::not_found, "no such service\nSee which there are: cpmctl service list");
    }
    out.role = found->role;
    out.permitted = std::any_of(found->patterns.begin(), found->patterns.end(), [&](const std::string& pattern) {
      return schema::matches_pattern(pattern, out.reader);
    });
    out.effective &= schema::account_rights({reader.id, reader.address, found->name, found->role});
    if (!out.permitted) out.effective = 0;
  }
  if (!out.of.owner) {
    CPM_TRY(owning, schema::find_account(tx, out.owner));
    out.owner_disabled = owning.disabled;
  }
  if (out.disabled || out.owner_disabled) out.effective = 0;
  if ((out.effective & schema::kLookup) == 0) out.effective = 0;  // it does not exist then
  return out;
}

// What is said about everything together, a line each.
std::vector<std::string> remarks(const Explained& seen) {
  std::vector<std::string> out;
  const schema::AclExplanation& of = seen.of;
  if (of.owner)
    out.emplace_back("is the owner: has everything that they did not take from themself, and always l and a");
  if (!of.owner && of.reasons.empty()) out.emplace_back("no entry concerns them: the mailbox does not exist for them");
  if (of.taken != 0) out.push_back("negative entries take " + rights_of(of.taken) + ", whatever else grants them");
  if (!of.owner && of.effective != 0 && (of.effective & schema::kLookup) == 0) {
    out.emplace_back("without l the mailbox does not exist for them, whatever else is granted");
  }
  if (of.refused) out.emplace_back("has refused the mailbox: it does not exist for them");
  if (of.hidden) out.emplace_back("has hidden the mailbox: LIST does not show it, everything else works");
  if (seen.role) {
    const Rights limit = schema::account_rights({AccountId{}, {}, {}, *seen.role});
    if (!seen.permitted) out.emplace_back("the service is not permitted to act for them");
    if ((of.effective & ~limit) != 0)
      out.push_back("the role of the service leaves out " + rights_of(of.effective & ~limit));
  }
  if (seen.disabled) out.emplace_back("the account is disabled: nobody may log in to it or act for it");
  if (seen.owner_disabled) out.emplace_back("the owner is disabled: their mailboxes do not exist for others");
  return out;
}

std::string effect_of(const schema::AclReason& reason) {
  if (reason.expired) return "expired: counts for nothing";
  return reason.entry.negative ? "takes" : "grants";
}

Json to_json(const Explained& seen) {
  Json entries = Json::array();
  for (const schema::AclReason& reason : seen.of.reasons) {
    Json one = to_json(reason.entry);
    one["through"] = reason.through;
    one["expired"] = reason.expired;
    entries.push_back(std::move(one));
  }
  return {{"address", seen.reader},
          {"owner", seen.owner},
          {"mailbox", seen.path},
          {"is_owner", seen.of.owner},
          {"granted", rights_of(seen.of.granted)},
          {"taken", rights_of(seen.of.taken)},
          {"effective", rights_of(seen.effective)},
          {"hidden", seen.of.hidden},
          {"refused", seen.of.refused},
          {"disabled", seen.disabled},
          {"entries", entries},
          {"remarks", remarks(seen)}};
}

Result<void> explain(Context& context, const AclOptions& options) {
  Rights asked = 0;
  if (!options.rights.empty()) {
    CPM_TRY(named, rights_from(options.rights));
    asked = named;
  }
  auto seen = context.run([&](Transaction& tx) { return look(tx, options); });
  if (!seen) return explained(seen.error());
  const bool may = (seen->effective & asked) == asked;
  const std::string place = printable(seen->path) + " of " + seen->owner;
  if (context.json) {
    Json said = to_json(*seen);
    if (asked != 0) {
      said["asked"] = rights_of(asked);
      said["may"] = may;
    }
    print_json(context.io.out, said);
  } else {
    context.io.out << seen->reader << " has " << (seen->effective == 0 ? "no rights" : rights_of(seen->effective))
                   << " in " << place << '\n';
    for (const std::string& remark : remarks(*seen)) context.io.out << "- " << remark << '\n';
    Table table({"ENTRY", "THROUGH", "RIGHTS", "EFFECT", "EXPIRES", "GRANTED", "BY", "REASON"});
    for (const schema::AclReason& reason : seen->of.reasons) {
      const schema::AclEntry& entry = reason.entry;
      table.add({printable(written(entry)), printable(reason.through), rights_shown(entry.rights), effect_of(reason),
                 entry.expires ? time_text(*entry.expires) : "never", time_text(entry.granted),
                 printable(entry.grantor), printable(entry.reason)});
    }
    if (!seen->of.reasons.empty()) table.print(context.io.out);
  }
  if (may) return {};
  return fail(Failure::denied, seen->reader + " may not " + rights_of(asked & ~seen->effective) + " in " + place);
}

// -- shares: what others share with a user, and what they decided about it

const char* state_name(schema::ShareState state) {
  switch (state) {
    case schema::ShareState::hidden: return "hidden";
    case schema::ShareState::refused: return "refused";
    case schema::ShareState::shown: break;
  }
  return "shown";
}

Result<void> shares(Context& context, const AclOptions& options) {
  CPM_CHECK(context.store());
  auto reader = context.run([&](Transaction& tx) { return schema::find_account(tx, options.address); });
  if (!reader) return hint_missing_user(reader.error());
  const schema::Principal who{reader->id, reader->address, "cpmctl", schema::Role::owner};
  auto rows = context.run([&](Transaction& tx) { return schema::list_shares(tx, who); });
  if (!rows) return rows.error();
  Json all = Json::array();
  Table table({"MAILBOX", "RIGHTS", "OWNER", "STATE"});
  for (const schema::Share& share : *rows) {
    all.push_back({{"mailbox", share.mailbox.path},
                   {"rights", rights_of(share.rights)},
                   {"owner", share.address},
                   {"state", state_name(share.state)}});
    table.add({printable(share.mailbox.path), rights_shown(share.rights), share.address, state_name(share.state)});
  }
  if (context.json) {
    print_json(context.io.out, all);
  } else {
    table.print(context.io.out);
  }
  return {};
}

template <schema::ShareState state>
Result<void> decide(Context& context, const AclOptions& options) {
  CPM_CHECK(context.store());
  auto reader = context.run([&](Transaction& tx) { return schema::find_account(tx, options.address); });
  if (!reader) return hint_missing_user(reader.error());
  const schema::Principal who{reader->id, reader->address, "cpmctl", schema::Role::owner};
  auto done = context.run([&](Transaction& tx) -> Result<void> {
    CPM_TRY(target, schema::share_named(tx, who, options.mailbox));
    return schema::set_share_state(tx, who, target.account, target.id, state);
  });
  if (!done && done.error().failure == Failure::not_found) {
    return with_hint(done.error(), "See what is shared: cpmctl acl shares " + options.address);
  }
  if (!done) return done.error();
  [[maybe_unused]] const auto told = context.run([&](Transaction& tx) -> Result<void> {
    schema::announce(tx, who.account, kNames);
    return {};
  });
  print_done(context, printable(options.mailbox) + " is " + state_name(state) + " for " + reader->address,
             {{"address", reader->address}, {"mailbox", options.mailbox}, {"state", state_name(state)}});
  return {};
}

// -- the command line

void add_place(CLI::App& verb, AclOptions& options, const char* address, const char* mailbox) {
  verb.add_option("address", options.address, address)->required()->type_name("ADDRESS");
  verb.add_option("mailbox", options.mailbox, mailbox)->required()->type_name("MAILBOX");
}

void add_who(CLI::App& verb, AclOptions& options) {
  verb.add_option("who", options.who, "an address of a user, group:NAME, or anyone")->required()->type_name("WHO");
  verb.add_flag("--negative", options.negative, "the entry that takes rights away, whatever else grants them");
}

template <schema::ShareState state>
void add_decision(CLI::App& noun, Context& context, const char* name, const char* help) {
  auto options = std::make_shared<AclOptions>();
  CLI::App& verb = add_verb(noun, name, help,
                            {std::string("acl ") + name + " bob@example.net 'Other Users/alice@example.net/Projects'",
                             std::string("acl ") + name + " bob@example.net 'Other Users/alice@example.net'"});
  add_place(verb, *options, "the user with whom it is shared",
            "as that user names it; without a mailbox: all of that owner");
  on_run<AclOptions>(verb, context, options, decide<state>);
}

}  // namespace

void add_acl(CLI::App& root, Context& context) {
  CLI::App& noun = add_noun(root, "acl", "who may do what in a mailbox, until when, and why",
                            {"acl grant alice@example.net Projects bob@example.net lrs --until 30d --reason 'audit'",
                             "acl list alice@example.net Projects",
                             "acl explain bob@example.net 'Other Users/alice@example.net/Projects' w"});
  constexpr const char* kOwner = "the owner of the mailbox";
  constexpr const char* kMailbox = "as the owner names it";

  auto listed = std::make_shared<AclOptions>();
  CLI::App& lister =
      add_verb(noun, "list", "all entries in force, the owner's first", {"acl list alice@example.net Projects"});
  add_place(lister, *listed, kOwner, kMailbox);
  on_run<AclOptions>(lister, context, listed, list);

  auto granted = std::make_shared<AclOptions>();
  CLI::App& granter = add_verb(noun, "grant", "give rights: exactly these, or with + these too",
                               {"acl grant alice@example.net Projects bob@example.net lrs",
                                "acl grant alice@example.net Projects group:staff +w --until 2026-12-31T23:59:59Z",
                                "acl grant alice@example.net Projects bob@example.net e --negative"});
  add_place(granter, *granted, kOwner, kMailbox);
  add_who(granter, *granted);
  granter.add_option("rights", granted->rights, "letters of RFC 4314; with + before them they are added")
      ->required()
      ->type_name("RIGHTS");
  granter.add_option("--until", granted->until, "when the entry ends: a moment, a time from now (12h, 30d), or never")
      ->type_name("TIME");
  granter.add_option("--reason", granted->reason, "why; kept with the entry")
      ->type_name("TEXT")
      ->each([granted](const std::string&) { granted->has_reason = true; });
  on_run<AclOptions>(granter, context, granted, grant);

  auto revoked = std::make_shared<AclOptions>();
  CLI::App& revoker = add_verb(noun, "revoke", "take an entry away, or some of its rights",
                               {"acl revoke alice@example.net Projects bob@example.net",
                                "acl revoke alice@example.net Projects bob@example.net w"});
  add_place(revoker, *revoked, kOwner, kMailbox);
  add_who(revoker, *revoked);
  revoker.add_option("rights", revoked->rights, "only these; default: the whole entry")->type_name("RIGHTS");
  on_run<AclOptions>(revoker, context, revoked, revoke);

  auto asked = std::make_shared<AclOptions>();
  CLI::App& explainer =
      add_verb(noun, "explain", "why a user may or may not do something; with RIGHT the exit code says it too",
               {"acl explain bob@example.net 'Other Users/alice@example.net/Projects'",
                "acl explain alice@example.net Projects e --service mms-gateway"});
  add_place(explainer, *asked, "the user who wants to do it", "as that user names it");
  explainer.add_option("right", asked->rights, "letters; exit code 1 when one of them is missing")->type_name("RIGHT");
  explainer.add_option("--service", asked->service, "as this service that acts for the user")->type_name("SERVICE");
  on_run<AclOptions>(explainer, context, asked, explain);

  auto shared = std::make_shared<AclOptions>();
  CLI::App& sharer = add_verb(noun, "shares", "what others share with a user, and what the user decided about it",
                              {"acl shares bob@example.net"});
  sharer.add_option("address", shared->address, "the user")->required()->type_name("ADDRESS");
  on_run<AclOptions>(sharer, context, shared, shares);

  add_decision<schema::ShareState::shown>(noun, context, "show", "show a share to the user again");
  add_decision<schema::ShareState::hidden>(noun, context, "hide",
                                           "take a share out of the user's list; it still works by name");
  add_decision<schema::ShareState::refused>(noun, context, "refuse",
                                            "a share does not exist for the user, whatever is granted");
}

}  // namespace cpm::admin
