#include "schema/accounts.h"

#include "schema/check.h"
#include "schema/quota.h"
#include "tests/support/messages.h"
#include "tests/support/test_database.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace cpm::schema {
namespace {

using support::TestDatabase;

class AccountsTest : public ::testing::Test {
 protected:
  static Database& database() { return TestDatabase::shared().database(); }
  template <class Function>
  static auto run(Function function) {
    return database().run_blocking(TestDatabase::kPatience, std::move(function));
  }
  static Result<AccountRow> add(const NewAccount& account) {
    return run([&](Transaction& tx) { return add_account(tx, account, Limits{}); });
  }
  static Result<AccountRow> find(std::string_view address) {
    return run([&](Transaction& tx) { return find_account(tx, address); });
  }
  static Result<LoginRecord> login(std::string_view name) {
    return run([&](Transaction& tx) { return login_record(tx, name); });
  }
  static Result<Principal> act(const LoginRecord& record, std::string_view authzid) {
    return run([&](Transaction& tx) { return principal_for(tx, record, authzid); });
  }
  static ScramKeys keys(char seed) {
    return {std::string("sa\0lt", 5) + seed, 4096, std::string(32, seed), std::string(32, static_cast<char>(seed + 1))};
  }
  // Addresses that no other test has.
  static std::string fresh(const std::string& name) {
    static std::atomic<int> count = 0;
    return name + std::to_string(++count) + "@accounts.example";
  }
};

TEST_F(AccountsTest, AddFindAndListByAnyAddress) {
  const std::string address = fresh("Alice"), alias = "tel:+" + fresh("1");
  const auto made = add({address, {alias}, keys('a'), 1000, std::nullopt, {"INBOX", "Default", "a/b"}});
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_GT(made->id.value, 0);
  EXPECT_EQ(made->address, address);
  EXPECT_EQ(made->aliases, std::vector<std::string>{alias});
  EXPECT_EQ(made->limit_bytes, 1000U);
  EXPECT_FALSE(made->limit_messages);
  EXPECT_FALSE(made->disabled);
  EXPECT_GT(made->created, std::chrono::sys_days(std::chrono::year{2024} / 1 / 1));
  EXPECT_EQ(find(alias)->id, made->id);
  EXPECT_EQ(find("TEL" + alias.substr(3))->id, made->id) << "the scheme is not case-sensitive";
  EXPECT_EQ(find("nobody@x").error().failure, Failure::not_found);
  EXPECT_EQ(find("no body").error().failure, Failure::not_found);
}

TEST_F(AccountsTest, ListsInPagesByFirstAddress) {
  std::vector<std::string> added;
  for (int i = 0; i < 5; ++i) added.push_back(add({fresh("zz-page"), {"sip:" + fresh("other")}})->address);
  std::sort(added.begin(), added.end());
  std::vector<std::string> seen;
  std::string after = "zz-page";
  for (;;) {
    const auto page = run([&](Transaction& tx) { return list_accounts(tx, after, 2); }).value();
    if (page.empty()) break;
    EXPECT_LE(page.size(), 2U);
    for (const AccountRow& row : page) {
      EXPECT_EQ(row.aliases.size(), 1U);
      seen.push_back(row.address);
    }
    after = seen.back();
  }
  EXPECT_EQ(seen, added);
}

TEST_F(AccountsTest, NamesAreUniqueAmongAddressesAndServices) {
  const std::string address = fresh("bob"), alias = fresh("alias"), service = fresh("service");
  ASSERT_TRUE(add({address, {alias}}));
  ASSERT_TRUE(run([&](Transaction& tx) { return add_service(tx, {service, Role::full, {"*"}}, std::nullopt); }));
  for (const std::string& taken : {address, alias, service}) {
    EXPECT_EQ(add({taken}).error().failure, Failure::exists);
    EXPECT_EQ(add({fresh("free"), {taken}}).error().failure, Failure::exists);
    EXPECT_EQ(run([&](Transaction& tx) {
                return add_service(tx, {taken, Role::full, {"*"}}, std::nullopt);
              })
                  .error()
                  .failure,
              Failure::exists);
    EXPECT_EQ(run([&](Transaction& tx) { return add_alias(tx, address, taken); }).error().failure, Failure::exists);
    if (taken != address) {
      EXPECT_EQ(run([&](Transaction& tx) { return rename_account(tx, address, taken); }).error().failure,
                Failure::exists);
    }
  }
  const std::string twice = fresh("twice");
  EXPECT_EQ(add({twice, {twice}}).error().failure, Failure::exists);
  EXPECT_EQ(find(twice).error().failure, Failure::not_found) << "nothing is left of an account that was refused";
  EXPECT_EQ(add({"two words"}).error().failure, Failure::invalid);
  EXPECT_EQ(find(address)->address, address);
}

TEST_F(AccountsTest, OneOfManyGetsTheAddress) {
  const std::string address = fresh("race"), other = fresh("race");
  std::atomic<int> made = 0, refused = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      Database own({TestDatabase::shared().url(), 1, true, 10});
      const NewAccount wanted{i % 2 == 0 ? address : other, {i % 2 == 0 ? other : address}};
      const auto result =
          own.run_blocking(TestDatabase::kPatience, [&](Transaction& tx) { return add_account(tx, wanted, Limits{}); });
      if (result) ++made;
      if (!result && result.error().failure == Failure::exists) ++refused;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(refused, 3);
}

TEST_F(AccountsTest, RenameAndAliases) {
  const std::string address = fresh("carol"), next = fresh("caroline"), alias = fresh("c");
  ASSERT_TRUE(add({address}));
  ASSERT_TRUE(run([&](Transaction& tx) { return add_alias(tx, address, alias); }));
  EXPECT_EQ(run([&](Transaction& tx) { return rename_account(tx, alias, next); }).error().failure, Failure::invalid);
  ASSERT_TRUE(run([&](Transaction& tx) { return rename_account(tx, address, next); }));
  EXPECT_TRUE(run([&](Transaction& tx) { return rename_account(tx, next, next); }));
  EXPECT_EQ(find(address).error().failure, Failure::not_found);
  EXPECT_EQ(find(alias)->address, next);
  EXPECT_EQ(run([&](Transaction& tx) { return remove_alias(tx, next, next); }).error().failure, Failure::invalid);
  EXPECT_EQ(run([&](Transaction& tx) { return remove_alias(tx, next, "x@y"); }).error().failure, Failure::not_found);
  ASSERT_TRUE(run([&](Transaction& tx) { return remove_alias(tx, next, alias); }));
  EXPECT_TRUE(find(next)->aliases.empty());
}

TEST_F(AccountsTest, LoginGivesKeysAndState) {
  const std::string address = fresh("dave"), alias = fresh("d");
  ASSERT_TRUE(add({address, {alias}, keys('k')}));
  auto record = login(alias).value();
  EXPECT_FALSE(record.service);
  EXPECT_EQ(record.name, alias);
  ASSERT_TRUE(record.keys);
  EXPECT_EQ(record.keys->salt, keys('k').salt);
  EXPECT_EQ(record.keys->iterations, 4096U);
  EXPECT_EQ(record.keys->stored_key, keys('k').stored_key);
  EXPECT_EQ(record.keys->server_key, keys('k').server_key);
  ASSERT_TRUE(run([&](Transaction& tx) { return set_password(tx, alias, keys('n')); }));
  EXPECT_EQ(login(address)->keys->salt, keys('n').salt);
  ASSERT_TRUE(run([&](Transaction& tx) { return set_disabled(tx, alias, true); }));
  EXPECT_TRUE(login(address)->disabled);
  EXPECT_TRUE(find(address)->disabled);
  EXPECT_EQ(act(login(address).value(), "").error().failure, Failure::authz_failed);
  ASSERT_TRUE(run([&](Transaction& tx) { return set_disabled(tx, address, false); }));
  EXPECT_FALSE(login(address)->disabled);
  const std::string no_keys = fresh("nokeys");
  ASSERT_TRUE(add({no_keys}));
  EXPECT_FALSE(login(no_keys)->keys);
  EXPECT_EQ(login("unknown@x").error().failure, Failure::not_found);
  EXPECT_EQ(login("a b").error().failure, Failure::not_found);
  EXPECT_EQ(run([&](Transaction& tx) { return set_password(tx, "unknown@x", keys('x')); }).error().failure,
            Failure::not_found);
}

TEST_F(AccountsTest, AUserActsForItselfOnly) {
  const std::string address = fresh("erin"), alias = fresh("e"), other = fresh("other");
  const auto made = add({address, {alias}});
  ASSERT_TRUE(add({other}));
  const auto record = login(address).value();
  const auto self = act(record, "").value();
  EXPECT_EQ(self.account, made->id);
  EXPECT_EQ(self.address, address);
  EXPECT_EQ(self.role, Role::owner);
  EXPECT_EQ(act(record, alias)->account, made->id);
  EXPECT_EQ(act(record, alias)->address, alias);
  EXPECT_EQ(act(record, alias)->actor, address);
  EXPECT_EQ(act(record, other).error().failure, Failure::authz_failed);
  EXPECT_EQ(act(record, "unknown@x").error().failure, Failure::authz_failed);
}

TEST_F(AccountsTest, AServiceActsWithinItsPatterns) {
  const std::string user = fresh("user"), outside = fresh("out") + ".elsewhere", name = fresh("pf");
  ASSERT_TRUE(add({user}));
  ASSERT_TRUE(add({outside}));
  ASSERT_TRUE(run([&](Transaction& tx) {
    return add_service(tx, {name, Role::deposit, {"*@Accounts.example", "tel:*"}}, keys('s'));
  }));
  const auto record = login(name).value();
  EXPECT_TRUE(record.service);
  EXPECT_EQ(record.role, Role::deposit);
  EXPECT_EQ(record.keys->stored_key, keys('s').stored_key);
  EXPECT_EQ(record.patterns, (std::vector<std::string>{"*@accounts.example", "tel:*"}));
  const auto principal = act(record, user).value();
  EXPECT_EQ(principal.account, find(user)->id);
  EXPECT_EQ(principal.actor, name);
  EXPECT_EQ(principal.role, Role::deposit);
  EXPECT_EQ(act(record, outside).error().failure, Failure::authz_failed);
  EXPECT_EQ(act(record, "").error().failure, Failure::authz_failed);
  EXPECT_EQ(act(record, name).error().failure, Failure::authz_failed) << "a service has no store";
  EXPECT_EQ(act(record, "tel:+999").error().failure, Failure::authz_failed);
  ASSERT_TRUE(run([&](Transaction& tx) { return set_disabled(tx, user, true); }));
  EXPECT_EQ(act(record, user).error().failure, Failure::authz_failed);
  ASSERT_TRUE(run([&](Transaction& tx) { return set_password(tx, name, keys('t')); }));
  EXPECT_EQ(login(name)->keys->salt, keys('t').salt);
}

TEST_F(AccountsTest, ServicesAreListedAndDeleted) {
  const std::string name = fresh("aa-service");
  EXPECT_EQ(run([&](Transaction& tx) {
              return add_service(tx, {name, Role::owner, {"*"}}, std::nullopt);
            })
                .error()
                .failure,
            Failure::invalid);
  EXPECT_EQ(run([&](Transaction& tx) {
              return add_service(tx, {name, Role::full, {}}, std::nullopt);
            })
                .error()
                .failure,
            Failure::invalid);
  EXPECT_EQ(run([&](Transaction& tx) {
              return add_service(tx, {name, Role::full, {"a b"}}, std::nullopt);
            })
                .error()
                .failure,
            Failure::invalid);
  ASSERT_TRUE(run([&](Transaction& tx) {
    return add_service(tx, {name, Role::full, {"b*", "a*", "a*"}}, std::nullopt);
  }));
  const auto services = run([](Transaction& tx) { return list_services(tx); }).value();
  const auto found =
      std::find_if(services.begin(), services.end(), [&](const ServiceRow& row) { return row.name == name; });
  ASSERT_NE(found, services.end());
  EXPECT_EQ(found->role, Role::full);
  EXPECT_EQ(found->patterns, (std::vector<std::string>{"a*", "b*"}));
  EXPECT_FALSE(login(name)->keys);
  ASSERT_TRUE(run([&](Transaction& tx) { return delete_service(tx, name); }));
  EXPECT_EQ(login(name).error().failure, Failure::not_found);
  EXPECT_EQ(run([&](Transaction& tx) { return delete_service(tx, name); }).error().failure, Failure::not_found);
  EXPECT_TRUE(add({name})) << "the name is free again";
  EXPECT_EQ(run([&](Transaction& tx) { return delete_service(tx, name); }).error().failure, Failure::not_found)
      << "an account is no service";
}

TEST_F(AccountsTest, DeleteLeavesNothing) {
  const std::string address = fresh("gone");
  const auto made = add({address, {fresh("alias")}, keys('g'), {}, {}, {"INBOX", "a/b"}}).value();
  support::add_messages(database(), made.id, MailboxId{2}, 10);
  const Principal who{made.id, address, address, Role::owner};
  ASSERT_TRUE(run([&](Transaction& tx) { return subscribe(tx, who, "a", Limits{}); }));
  ASSERT_TRUE(run([&](Transaction& tx) { return delete_account(tx, address); }));
  EXPECT_EQ(find(address).error().failure, Failure::not_found);
  for (const char* table :
       {"account", "address", "credential", "mailbox", "message", "keyword", "expunged", "subscription", "content",
        "content_head", "content_chunk", "content_text", "metadata", "quota_root"}) {
    EXPECT_EQ(TestDatabase::shared().value("select count(*) from " + std::string(table) +
                                           " where account_id = " + std::to_string(made.id.value)),
              "0")
        << table;
  }
  EXPECT_EQ(run([&](Transaction& tx) { return delete_account(tx, address); }).error().failure, Failure::not_found);
}

TEST_F(AccountsTest, LimitsChange) {
  const std::string address = fresh("limits");
  ASSERT_TRUE(add({address, {}, {}, 5, 6}));
  const AccountId account = find(address)->id;
  ASSERT_TRUE(run([&](Transaction& tx) { return set_quota(tx, account, "", {std::nullopt, 7}); }));
  EXPECT_FALSE(find(address)->limit_bytes);
  EXPECT_EQ(find(address)->limit_messages, 7U);
}

TEST_F(AccountsTest, TheSecretIsFixed) {
  const auto secret = run([](Transaction& tx) { return installation_secret(tx); }).value();
  EXPECT_EQ(secret.size(), 32U);
  EXPECT_EQ(run([](Transaction& tx) { return installation_secret(tx); }).value(), secret);
}

}  // namespace
}  // namespace cpm::schema
