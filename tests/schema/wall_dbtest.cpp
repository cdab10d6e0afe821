// The second wall (docs/decisions/0047-row-level-security.md): with our own check out of the way, PostgreSQL still
// shows nothing of another account and changes nothing of it.
#include "schema/wall.h"

#include "schema/acl.h"
#include "schema/annotations.h"
#include "schema/audit.h"
#include "schema/conversations.h"
#include "schema/copy_tree.h"
#include "schema/directory.h"
#include "schema/metadata.h"
#include "schema/quota.h"
#include "schema/search.h"
#include "schema/undelete.h"
#include "schema/urlauth.h"
#include "tests/schema/store_fixture.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

namespace cpm::schema {
namespace {

using namespace std::chrono_literals;

// Tables that are not behind the wall of accounts, and why.
const std::map<std::string, std::string> kExceptions{
    {"schema_version", "the schema itself: read before there is a wall"},
    {"schema_migration", "the schema itself"},
    {"installation", "one row about the store: its secret, read before anybody logs in, its epoch, a floor of numbers"},
    {"wall_message", "second entrance, empty; only the view message_by_modseq names it"},
    {"wall_message_annotation", "second entrance, empty; only the view annotation_by_modseq names it"},
    {"wall_content_head", "second entrance, empty; only the view content_by_id names it"},
    {"wall_content_text", "second entrance, empty; only the view content_by_text names it"},
};
// Behind the wall, but of no account: read by all, written by the store.
const std::set<std::string> kDirectory{"address", "shared_name", "acl_group", "site_policy"};
// … and seen by the store only.
const std::set<std::string> kOfTheStore{"service", "service_pattern", "sweep_round", "audit_round"};
// Functions that open the wall (doors): each is described in migrations/0020_row_security.sql.
const std::set<std::string> kDoors{"login_v1",           "login_acted_for_v1", "login_refused_v1",
                                   "wall_admits_v1",     "share_hint_v1",      "share_told_v1",
                                   "url_keys_remove_v1", "shared_owners_v1",   "push_wanting_v1"};

class WallTest : public Store {
 protected:
  void SetUp() override {
    Store::SetUp();
    std::vector<NewMessage> messages;
    messages.push_back(
        new_message("Message-ID: <one@x>\r\nSubject: secret\r\n\r\nwords of alice\r\n", {kFlagged, {"$own"}}));
    messages.push_back(new_message("Subject: two\r\n\r\nmore\r\n"));
    messages.push_back(new_message("Subject: three\r\n\r\n" + std::string(300000, 'x')));
    ASSERT_TRUE(append_messages("INBOX", std::move(messages)));
    append("Default", 3);
    expunge_some();
    ASSERT_TRUE(in_transaction([&](Transaction& tx) { return subscribe(tx, alice_, "INBOX", limits_); }));
    grant_.emplace(*in_transaction([&](Transaction& tx) { return authorize(tx, alice_, "INBOX", kRead); }));
    target_.emplace(*in_transaction([&](Transaction& tx) { return authorize(tx, bob_, "INBOX", kRead); }));
  }
  void expunge_some() {
    Principal recorded = alice_;
    recorded.via = make_actor({"test", alice_.address, "", "", "", "node", "s1"}, true, true);
    const auto done = in_transaction([&](Transaction& tx) -> Result<ExpungeResult> {
      CPM_TRY(grant, authorize(tx, recorded, "Default", kRead));
      CPM_TRY(stored, store_flags(tx, grant, {UidSet({{1, 2}}), FlagChange::add, {kDeleted, {}}, {}}, limits_));
      if (stored.changed.empty()) return fail(Failure::internal, "nothing stored");
      return expunge(tx, grant, std::nullopt);
    });
    ASSERT_TRUE(done);
  }

  // What a session of `who` would run.
  template <class Function>
  auto behind(const Principal& who, Function function, Mode mode = Mode::transaction) {
    return test_.database().run_blocking(Wall::of(who.account), support::TestDatabase::kPatience, std::move(function),
                                         mode);
  }
  std::vector<std::string> tables(const std::string& condition) {
    // Of a store as the migrations make it: other tests have tables of their own in theirs.
    static support::TestDatabase fresh;
    return words(
        "select string_agg(c.relname, ' ' order by c.relname) from pg_class c"
        " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and " +
            condition,
        fresh);
  }
  std::vector<std::string> words(const std::string& sql, support::TestDatabase& from) {
    std::istringstream text(from.value(sql));
    return {std::istream_iterator<std::string>(text), {}};
  }
  // Everything that the store holds of an account.
  std::string state_of_account(const Principal& who) {
    std::string out;
    for (const std::string& table : of_accounts()) {
      out +=
          table + ' ' +
          test_.value("select count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from " +
                      table + " t where account_id = " + std::to_string(who.account.value)) +
          '\n';
    }
    return out;
  }
  // Tables with an account in each row, the parts of partitioned ones apart.
  std::vector<std::string> of_accounts() {
    auto out = tables(
        "not c.relispartition and exists (select from pg_attribute a where a.attrelid = c.oid"
        " and a.attname = 'account_id' and not a.attisdropped)");
    std::erase_if(out, [](const std::string& name) { return kExceptions.contains(name) || kDirectory.contains(name); });
    return out;
  }
  Result<bool> share(Rights rights, const Principal& with_whom) {
    return in_transaction([&](Transaction& tx) -> Result<bool> {
      CPM_TRY(grant, authorize(tx, alice_, "INBOX", kAdminister));
      NewAclEntry entry;
      CPM_TRY(identifier, find_identifier(tx, with_whom.address));
      entry.identifier = identifier;
      entry.rights = rights;
      return set_acl(tx, alice_, grant, entry, limits_);
    });
  }
  std::string theirs() const { return "Other Users/" + alice_.address + "/INBOX"; }

  Principal bob_ = support::make_account(test_.database(), "", {"INBOX"});
  // As if our check had said yes to everything: made for alice herself, used by statements of bob's session.
  std::optional<Grant> grant_;
  std::optional<Grant> target_;
};

TEST_F(WallTest, EveryTableIsBehindItOrAKnownException) {
  const auto all = tables("true");
  EXPECT_GT(all.size(), 40U);
  const auto closed = tables(
      "c.relrowsecurity and c.relforcerowsecurity"
      " and exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'wall')");
  for (const std::string& table : all) {
    const bool behind = std::find(closed.begin(), closed.end(), table) != closed.end();
    EXPECT_NE(behind, kExceptions.contains(table))
        << table << ": call wall_raise_v1 in the migration that makes it, or give the reason here";
  }
  for (const auto& [table, reason] : kExceptions) {
    EXPECT_NE(std::find(all.begin(), all.end(), table), all.end()) << table << " is gone: " << reason;
  }
  EXPECT_EQ(test_.value("select string_agg(c.relname || '.' || p.polname, ' ' order by c.relname) from pg_policy p"
                        " join pg_class c on c.oid = p.polrelid where p.polname <> 'wall'"),
            "acl_group.wall_read address.wall_read push_subscription.wall_read shared_name.wall_read"
            " site_policy.wall_read");
}

TEST_F(WallTest, MonthsToComeAreBehindItToo) {
  support::TestDatabase later;
  later.execute("select audit_months_v1(40)");
  EXPECT_EQ(later.value("select count(*) > 24 from pg_class where relispartition and relkind = 'r'"), "t");
  EXPECT_EQ(later.value("select string_agg(relname, ' ') from pg_class where relispartition and relkind = 'r'"
                        " and not (relrowsecurity and relforcerowsecurity)"),
            "");
}

TEST_F(WallTest, DoorsAreKnown) {
  const auto found = words(
      "select string_agg(p.proname, ' ') from pg_proc p where p.pronamespace = 'public'::regnamespace"
      " and p.prosrc like '%set_config(''cpmstore.wall''%'",
      test_);
  EXPECT_EQ(std::set<std::string>(found.begin(), found.end()), kDoors);
  // Nothing runs as somebody else, and the second entrances are used by their views alone.
  EXPECT_EQ(test_.value("select count(*) from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef"),
            "0");
  EXPECT_EQ(test_.value("select count(*) from pg_proc p where p.pronamespace = 'public'::regnamespace"
                        " and p.prosrc ~ 'wall_(message|content)'"),
            "0");
  EXPECT_EQ(test_.value("select string_agg(v.viewname, ' ' order by v.viewname) from pg_views v"
                        " where v.schemaname = 'public' and v.definition ~ 'wall_(message|content)'"),
            "annotation_by_modseq content_by_id content_by_text message_by_modseq");
  // A door lets nobody but the caller's own account ask.
  const auto asked = behind(bob_, [&](Transaction& tx) -> Result<std::string> {
    constexpr Query kAsk{"test_door", "select shared_owners_v1($1, 10)::text"};
    return std::string(tx.exec(kAsk, alice_.account.value)[0][0].c_str());
  });
  EXPECT_EQ(asked.value(), "{}");
}

TEST_F(WallTest, NothingIsSeenWithoutTheCheck) {
  ASSERT_TRUE(grant_ && target_);
  const UidSet all({{1, 3}});
  std::set<std::string> seen;
  // Named, so that a failure says which function looked over the wall.
  const auto look = [&](const char* what, auto function) {
    for (const Mode mode : {Mode::transaction, Mode::reads}) {
      const auto answer = behind(
          bob_, [&](Transaction& tx) -> Result<bool> { return function(tx); }, mode);
      if (answer && *answer) seen.insert(what);
    }
    // The same function does see it where it may.
    const auto own = behind(alice_, [&](Transaction& tx) -> Result<bool> { return function(tx); });
    EXPECT_TRUE(own && *own) << what << ": sees nothing of its own either";
  };
  const auto any = [](const auto& result) { return result && !result->empty(); };
  const ContentId content = in_transaction([&](Transaction& tx) {
                              return fetch_rows(tx, *grant_, UidSet({{1, 1}}), kColumnPartMap, 0);
                            })
                                ->at(0)
                                .content;
  look("authorize by path", [&](Transaction& tx) { return authorize(tx, alice_, "INBOX", kRead).has_value(); });
  look("authorize by id", [&](Transaction& tx) { return authorize(tx, alice_, grant_->ref(), kRead).has_value(); });
  look("list_mailboxes", [&](Transaction& tx) { return any(list_mailboxes(tx, alice_)); });
  look("subscriptions", [&](Transaction& tx) { return any(subscriptions(tx, alice_)); });
  look("changes_since 0", [&](Transaction& tx) {
    auto set = changes_since(tx, *grant_, ModSeq{0});
    return set && !set->changed.empty();
  });
  look("changes_since", [&](Transaction& tx) {
    auto set = changes_since(tx, *grant_, ModSeq{1});
    return set && !set->changed.empty();
  });
  look("fetch_rows",
       [&](Transaction& tx) { return any(fetch_rows(tx, *grant_, all, kColumnPartMap | kColumnHeader, 0)); });
  look("read_octets", [&](Transaction& tx) { return any(read_octets(tx, alice_.account, content, 0, 10)); });
  look("search by size", [&](Transaction& tx) {
    return any(match(tx, *grant_, SizeIs{Compare::greater, 1}, all, {}));
  });
  look("search by content", [&](Transaction& tx) { return any(match(tx, *grant_, ContentIs{content}, all, {})); });
  look("placed_contents", [&](Transaction& tx) { return any(placed_contents(tx, *grant_, Uid{1})); });
  look("read the account", [&](Transaction& tx) {
    constexpr Query kUsage{"test_usage", "select from account where account_id = $1"};
    return tx.exec(kUsage, alice_.account.value).size() == 1;
  });
  look("quota_roots", [&](Transaction& tx) { return any(quota_roots(tx, alice_.account)); });
  look("list_removed", [&](Transaction& tx) { return any(list_removed(tx, alice_, {})); });
  look("read_audit", [&](Transaction& tx) {
    AuditFilter filter;
    return any(read_audit(tx, alice_.account, filter));
  });
  for (const std::string& what : seen) ADD_FAILURE() << what << " saw another account";
}

TEST_F(WallTest, NothingIsChangedWithoutTheCheck) {
  ASSERT_TRUE(grant_ && target_);
  const UidSet all({{1, 3}});
  const std::string alice_before = state_of_account(alice_);
  // Whatever the answer: nothing may have changed.
  const auto attempt = [&](const char* what, auto function) {
    const auto answer = behind(bob_, [&](Transaction& tx) -> Result<bool> {
      const auto made = function(tx);
      if (!made) return made.error();
      return true;
    });
    static_cast<void>(answer);
    EXPECT_EQ(state_of_account(alice_), alice_before) << what;
  };
  attempt("store_flags", [&](Transaction& tx) {
    return store_flags(tx, *grant_, {all, FlagChange::add, {kDeleted | kAnswered, {"$new"}}, {}}, limits_);
  });
  attempt("expunge", [&](Transaction& tx) { return expunge(tx, *grant_, all); });
  attempt("deposit", [&](Transaction& tx) -> Result<AppendResult> {
    std::vector<StagedMessage> staged;
    CPM_TRY(one, stage(tx, alice_.account, new_message("a: b\r\n\r\nc"), limits_));
    staged.push_back(std::move(one));
    return deposit(tx, *grant_, staged, limits_);
  });
  attempt("deposit_at", [&](Transaction& tx) {
    std::vector<StagedMessage> staged{hold_inline(new_message("x: y\r\n\r\n"))};
    return deposit_at(tx, alice_, "INBOX", staged, limits_);
  });
  attempt("stage",
          [&](Transaction& tx) { return stage(tx, alice_.account, new_message(std::string(400000, 'x')), limits_); });
  attempt("copy out", [&](Transaction& tx) { return copy_messages(tx, *grant_, all, *target_, limits_); });
  attempt("move within", [&](Transaction& tx) { return move_messages(tx, *grant_, all, *grant_, limits_); });
  attempt("claim_recent", [&](Transaction& tx) { return claim_recent(tx, *grant_, Uid{4}); });
  attempt("create_mailbox",
          [&](Transaction& tx) { return create_mailbox(tx, alice_, "New", SpecialUse::none, limits_); });
  attempt("delete_mailbox", [&](Transaction& tx) { return delete_mailbox(tx, *grant_); });
  attempt("rename_mailbox", [&](Transaction& tx) { return rename_mailbox(tx, alice_, *grant_, "Other", limits_); });
  attempt("copy_tree", [&](Transaction& tx) { return copy_tree(tx, alice_, "Default", "Copy", limits_); });
  attempt("subscribe", [&](Transaction& tx) { return subscribe(tx, alice_, "Default", limits_); });
  attempt("unsubscribe", [&](Transaction& tx) { return unsubscribe(tx, alice_, "INBOX"); });
  attempt("set_acl", [&](Transaction& tx) -> Result<bool> {
    NewAclEntry entry;
    CPM_TRY(identifier, find_identifier(tx, bob_.address));
    entry.identifier = identifier;
    entry.rights = kAllRights;
    return set_acl(tx, alice_, *grant_, entry, limits_);
  });
  attempt("set_metadata", [&](Transaction& tx) {
    return set_metadata(tx, metadata_of_server(alice_), {{MetadataEntry("/private/comment"), "x"}}, limits_);
  });
  attempt("set_password", [&](Transaction& tx) -> Result<void> {
    return set_password(tx, alice_.address, {"salt", 4096, std::string(32, 'k'), std::string(32, 's')});
  });
  attempt("set_disabled", [&](Transaction& tx) { return set_disabled(tx, alice_.address, true); });
  attempt("delete_account", [&](Transaction& tx) { return delete_account(tx, alice_.address); });
  attempt("add_alias", [&](Transaction& tx) { return add_alias(tx, alice_.address, "other-" + alice_.address); });
  attempt("make_url_token", [&](Transaction& tx) { return make_url_token(tx, bob_, *grant_, "imap://x/"); });
  EXPECT_EQ(test_.value("select count(*) from address where account_id = " + std::to_string(alice_.account.value)),
            "1");
  expect_consistent();
}

TEST_F(WallTest, StatementsAreHeldInEveryTable) {
  // Plain SQL under bob's wall, and under none, against each table and row of alice.
  ASSERT_TRUE(share(kLookup | kRead, bob_));
  ASSERT_TRUE(in_transaction([&](Transaction& tx) { return make_url_token(tx, alice_, *grant_, "imap://x/;UID=1"); }));
  ASSERT_TRUE(in_transaction([&](Transaction& tx) {
    return set_metadata(tx, metadata_of_server(alice_), {{MetadataEntry("/private/comment"), "x"}}, limits_);
  }));
  const std::string of_alice = " where account_id = " + std::to_string(alice_.account.value);
  std::size_t with_rows = 0;
  for (const std::string& wall : {Wall::of(bob_.account).declared(), std::string()}) {
    pqxx::connection connection(test_.url());
    const auto refuses = [&](const std::string& sql) {
      pqxx::work work(connection);
      work.exec("select set_config('cpmstore.wall', '" + wall + "', true)");
      try {
        return work.exec(sql).affected_rows() == 0;
      } catch (const pqxx::insufficient_privilege&) {
        return true;
      }
    };
    for (const std::string& table : of_accounts()) {
      EXPECT_TRUE(refuses("select from " + table + of_alice)) << table;
      EXPECT_TRUE(refuses("update " + table + " set account_id = account_id" + of_alice)) << table;
      EXPECT_TRUE(refuses("delete from " + table + of_alice)) << table;
      const std::string columns = test_.value(
          "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute where attrelid = '" + table +
          "'::regclass and attnum > 0 and not attisdropped and attgenerated = '' and attidentity <> 'a'");
      pqxx::work work(connection);
      work.exec("select set_config('cpmstore.wall', 'open', true)");
      const auto rows = work.exec("select " + columns + " from " + table + of_alice + " limit 1");
      if (rows.empty()) continue;
      ++with_rows;
      work.exec("create temp table row_of_alice on commit drop as select " + columns + " from " + table + of_alice +
                " limit 1");
      work.exec("select set_config('cpmstore.wall', '" + wall + "', true)");
      EXPECT_THROW(work.exec("insert into " + table + " (" + columns + ") select * from row_of_alice"),
                   pqxx::insufficient_privilege)
          << table;
    }
    for (const std::string& table : kDirectory) {
      EXPECT_TRUE(refuses("delete from " + table)) << table;
    }
    for (const std::string& table : kOfTheStore) {
      EXPECT_TRUE(refuses("select from " + table)) << table;
      EXPECT_TRUE(refuses("delete from " + table)) << table;
    }
    for (const char* view : {"message_by_modseq", "annotation_by_modseq", "content_by_id", "content_by_text"}) {
      EXPECT_TRUE(refuses(std::string("select from ") + view + of_alice)) << view;
    }
    // Under her own name they are there: the wall, not the statement, hid them.
    pqxx::work work(connection);
    work.exec("select set_config('cpmstore.wall', '{" + std::to_string(alice_.account.value) + "}', true)");
    EXPECT_GT(work.exec("select from message" + of_alice).size(), 0U);
    EXPECT_GT(work.exec("select from message_by_modseq" + of_alice).size(), 0U);
    EXPECT_GT(work.exec("select from content_by_id" + of_alice).size(), 0U);
  }
  EXPECT_GE(with_rows, 2U * 15U) << "too few tables had a row to try";
}

TEST_F(WallTest, SecondEntrancesAreForReading) {
  const std::string before = test_.value("select count(*) from message");
  ASSERT_NE(before, "0");
  for (const char* entrance : {"wall_message", "wall_message_annotation", "wall_content_head", "wall_content_text",
                               "message_by_modseq", "annotation_by_modseq", "content_by_id", "content_by_text"}) {
    for (const std::string& statement :
         {"delete from " + std::string(entrance), "update " + std::string(entrance) + " set account_id = account_id",
          "insert into " + std::string(entrance) + " (account_id) values (1)"}) {
      const auto done = test_.database().run_blocking(10s, [&](Transaction& tx) -> Result<void> {
        tx.exec_raw(statement);
        return {};
      });
      EXPECT_FALSE(done) << statement;
    }
  }
  EXPECT_EQ(test_.value("select count(*) from message"), before);
}

TEST_F(WallTest, AShareLetsInUntilItIsTakenBack) {
  for (const Mode mode : {Mode::transaction, Mode::reads}) {
    const auto messages = [&] {
      const auto set = behind(
          bob_,
          [&](Transaction& tx) -> Result<std::size_t> {
            CPM_TRY(grant, authorize(tx, bob_, theirs(), kRead));
            CPM_TRY(changes, changes_since(tx, grant, ModSeq{0}));
            return changes.changed.size();
          },
          mode);
      return set ? static_cast<int>(*set) : -1;
    };
    const auto listed = [&] {
      return behind(
                 bob_, [&](Transaction& tx) { return list_shares(tx, bob_); }, mode)
          .value()
          .size();
    };
    EXPECT_EQ(messages(), -1);
    ASSERT_TRUE(share(kLookup | kRead, bob_));
    EXPECT_EQ(messages(), 3);
    const auto at_least = listed();
    EXPECT_GE(at_least, 1U);
    // The database is asked again by each piece of work, also with a Grant of before.
    const auto again = [&] {
      Wall wall = Wall::of(bob_.account);
      wall.also({{bob_.account, alice_.account}});
      return test_.database()
          .run_blocking(
              wall, 10s,
              [&](Transaction& tx) {
                return fetch_rows(tx, *grant_, UidSet({{1, 3}}), 0, 0);
              },
              mode)
          .value()
          .size();
    };
    EXPECT_EQ(again(), 3U);
    ASSERT_TRUE(share(0, bob_));
    EXPECT_EQ(again(), 0U);
    EXPECT_EQ(messages(), -1);
    EXPECT_EQ(listed(), at_least - 1);
  }
}

TEST_F(WallTest, AdmittedOwnersAreForgottenByTheNextPieceOfWork) {
  ASSERT_TRUE(share(kLookup | kRead, bob_));
  const auto count = [&](bool asks, Mode mode) {
    return behind(
               bob_,
               [&](Transaction& tx) -> Result<std::size_t> {
                 if (asks) tx.admit(bob_.account, alice_.account);
                 constexpr Query kCount{"test_messages_of", "select from message where account_id = $1"};
                 return tx.exec(kCount, alice_.account.value).size();
               },
               mode)
        .value();
  };
  for (const Mode mode : {Mode::reads, Mode::transaction, Mode::single}) {
    EXPECT_GT(count(true, mode), 0U);
    EXPECT_EQ(count(false, mode), 0U);
  }
}

TEST_F(WallTest, AnotherReaderIsAskedForOnlyWithTheirUrls) {
  const auto sees = [&] {
    return behind(bob_,
                  [&](Transaction& tx) -> Result<bool> {
                    tx.admit(alice_.account, alice_.account);
                    return authorize(tx, alice_, "INBOX", kRead).has_value();
                  })
        .value();
  };
  EXPECT_FALSE(sees());
  const auto token =
      in_transaction([&](Transaction& tx) { return make_url_token(tx, alice_, *grant_, "imap://x/;UID=1"); });
  ASSERT_TRUE(token);
  EXPECT_TRUE(sees());
  SignedUrl url{alice_.address, "INBOX", {}, "imap://x/;UID=1", *token};
  EXPECT_TRUE(behind(
      bob_, [&](Transaction& tx) { return authorize_by_url(tx, url); }, Mode::reads));
  url.token.back() = url.token.back() == '0' ? '1' : '0';
  EXPECT_FALSE(behind(
      bob_, [&](Transaction& tx) { return authorize_by_url(tx, url); }, Mode::reads));
}

TEST_F(WallTest, BeforeSomebodyLogsInThereIsTheDoorOnly) {
  const auto read = test_.database().run_blocking(
      Wall::closed(), 10s, [&](Transaction& tx) { return login_record(tx, alice_.address); }, Mode::reads);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->account, alice_.account);
  const auto rows = test_.database().run_blocking(
      Wall::closed(), 10s,
      [&](Transaction& tx) -> Result<std::size_t> {
        constexpr Query kAll{"test_credentials", "select from account"};
        return tx.exec(kAll).size();
      },
      Mode::reads);
  EXPECT_EQ(rows.value(), 0U);
}

TEST_F(WallTest, WithoutSessionSettingsEachStatementDeclaresIt) {
  // As behind a pooler that gives each transaction another connection.
  Database pooled({test_.url(), 2, false, 10});
  constexpr Query kMine{"test_mine", "select from message where account_id = $1"};
  constexpr Query kLeft{"test_left", "select coalesce(current_setting('cpmstore.wall', true), '')"};
  for (const Mode mode : {Mode::transaction, Mode::reads}) {
    const auto see = [&](Wall wall, const Principal& whose) {
      return pooled
          .run_blocking(
              wall, 10s,
              [&](Transaction& tx) -> Result<std::size_t> { return tx.exec(kMine, whose.account.value).size(); }, mode)
          .value();
    };
    EXPECT_GT(see(Wall::of(alice_.account), alice_), 0U);
    EXPECT_EQ(see(Wall::of(bob_.account), alice_), 0U);
    EXPECT_EQ(see(Wall::closed(), alice_), 0U);
    EXPECT_GT(see(Wall::open(), alice_), 0U);
  }
  // Nothing stays behind on the connection for whoever has it next.
  const auto left = pooled.run_blocking(
      Wall::closed(), 10s,
      [&](Transaction& tx) -> Result<std::string> { return std::string(tx.exec(kLeft)[0][0].c_str()); }, Mode::reads);
  EXPECT_EQ(left.value(), "");
}

TEST_F(WallTest, AFailedStatementDoesNotChangeWhatIsDeclared) {
  constexpr Query kBroken{"test_broken", "select 1 / (count(*) - count(*)) from message where account_id = $1"};
  constexpr Query kMine{"test_mine_again", "select from message where account_id = $1"};
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(behind(
        alice_, [&](Transaction& tx) -> Result<std::size_t> { return tx.exec(kBroken, alice_.account.value).size(); },
        Mode::reads));
    EXPECT_EQ(
        behind(
            bob_, [&](Transaction& tx) -> Result<std::size_t> { return tx.exec(kMine, alice_.account.value).size(); },
            Mode::reads)
            .value(),
        0U);
    EXPECT_GT(
        behind(
            alice_, [&](Transaction& tx) -> Result<std::size_t> { return tx.exec(kMine, alice_.account.value).size(); },
            Mode::reads)
            .value(),
        0U);
  }
}

TEST_F(WallTest, IndexesAreFoundBehindIt) {
  // Statements with conditions that PostgreSQL does not trust to keep secrets: the index, not a filter, finds the rows.
  const auto plan = [&](const std::string& sql) {
    pqxx::connection connection(test_.url());
    pqxx::work work(connection);
    work.exec(
        "set local enable_seqscan = off; set local enable_bitmapscan = off; set local plan_cache_mode = "
        "force_generic_plan");
    std::string out;
    for (const auto& row : work.exec("explain (costs off) " + sql)) out += std::string(row[0].c_str()) + '\n';
    return out;
  };
  const std::string changed = plan(
      "select uid from message_by_modseq where account_id = 1 and (mailbox_id::bigint << 32 | modseq) > 5"
      " order by mailbox_id::bigint << 32 | modseq");
  EXPECT_NE(changed.find("Index Scan using message_modseq on message"), std::string::npos) << changed;
  EXPECT_NE(changed.find("Index Cond: ((account_id = 1) AND ((((mailbox_id)"), std::string::npos) << changed;
  EXPECT_EQ(changed.find("wall_message"), std::string::npos) << changed;
  const std::string by_id = plan(
      "select content_id from content_by_id h where account_id = 1 and length(imdn_id) = 3"
      " and hashtextextended(upper(imdn_id), 0) = 7");
  EXPECT_NE(by_id.find("content_head_imdn"), std::string::npos) << by_id;
  EXPECT_NE(by_id.find("Index Cond: ((account_id = 1) AND ((length"), std::string::npos) << by_id;
}

TEST_F(WallTest, ASuperuserIsToldApart) {
  EXPECT_TRUE(wall_holds(test_.database()).value());
  const auto url = support::superuser_url("postgres");
  if (!url) GTEST_SKIP() << "an outside server";
  Database unheld({*url, 1, true, 10});
  EXPECT_FALSE(wall_holds(unheld).value());
}

}  // namespace
}  // namespace cpm::schema
