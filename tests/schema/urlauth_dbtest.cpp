#include "schema/urlauth.h"

#include "schema/accounts.h"
#include "tests/schema/store_fixture.h"

#include <atomic>
#include <thread>

namespace cpm::schema {
namespace {

constexpr const char* kRump = "imap://a@h/INBOX/;UID=1;URLAUTH=authuser";

class UrlAuthTest : public Store {
 protected:
  std::string token(const std::string& path = "INBOX", const std::string& rump = kRump) {
    return with(path, [&](Transaction& tx, const Grant& grant) { return make_url_token(tx, alice_, grant, rump); })
        .value();
  }
  SignedUrl url(std::string token, std::string path = "INBOX") {
    return {alice_.address, std::move(path), std::nullopt, kRump, std::move(token)};
  }
  bool works(const SignedUrl& url) {
    const auto grant = in_transaction([&](Transaction& tx) { return authorize_by_url(tx, url); });
    if (!grant) {
      EXPECT_EQ(grant.error().failure, Failure::not_found) << grant.error().detail;
    }
    return grant.has_value();
  }
  void reset(const std::string& path) {
    const auto done = with(path, [&](Transaction& tx, const Grant& grant) -> Result<bool> {
      reset_url_key(tx, alice_, grant);
      return true;
    });
    ASSERT_TRUE(done);
  }
  Result<bool> change(std::function<Result<void>(Transaction&)> work) {
    return in_transaction([&](Transaction& tx) -> Result<bool> {
      CPM_CHECK(work(tx));
      return true;
    });
  }
  std::string keys() {
    return test_.value("select count(*) from urlauth_key where account_id = " + std::to_string(alice_.account.value));
  }
};

TEST_F(UrlAuthTest, Mss61TheTokenBelongsToOneUrlOfOneMailbox) {
  const std::string right = token();
  EXPECT_EQ(right.size(), 66U);
  EXPECT_EQ(right.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(token(), right);
  EXPECT_NE(token("INBOX", std::string(kRump) + "x"), right);
  EXPECT_NE(token("Default"), right);
  EXPECT_TRUE(works(url(right)));
  std::string capitals = right;
  for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  EXPECT_TRUE(works(url(capitals)));
  EXPECT_EQ(keys(), "2");
}

TEST_F(UrlAuthTest, Mss62TamperingIsRefused) {
  const std::string right = token();
  for (std::size_t i = 0; i < right.size(); ++i) {
    std::string wrong = right;
    wrong[i] = wrong[i] == '0' ? '1' : '0';
    EXPECT_FALSE(works(url(wrong))) << i;
  }
  EXPECT_FALSE(works(url(right.substr(0, 64))));
  EXPECT_FALSE(works(url(right + "00")));
  EXPECT_FALSE(works(url("")));
  EXPECT_FALSE(works(url(right, "Default")));
  EXPECT_FALSE(works(url(right, "Nowhere")));
  SignedUrl other = url(right);
  other.rump += "/;SECTION=1";
  EXPECT_FALSE(works(other));
  other = url(right);
  other.user = "nobody@example.net";
  EXPECT_FALSE(works(other));
  other.user = support::make_account(test_.database()).address;
  EXPECT_FALSE(works(other));
  other = url(right);
  other.uidvalidity = row("INBOX").uidvalidity.value;
  EXPECT_TRUE(works(other));
  ++*other.uidvalidity;
  EXPECT_FALSE(works(other));
}

TEST_F(UrlAuthTest, Mss63KeysAreResetOneByOneOrAll) {
  const std::string inbox = token(), other = token("Default");
  reset("INBOX");
  EXPECT_FALSE(works(url(inbox)));
  EXPECT_TRUE(works(url(other, "Default")));
  EXPECT_NE(token(), inbox);
  const auto removed =
      in_transaction([&](Transaction& tx) -> Result<std::vector<MailboxRef>> { return remove_url_keys(tx, alice_); });
  EXPECT_EQ(removed->size(), 2U);
  EXPECT_FALSE(works(url(other, "Default")));
  EXPECT_EQ(keys(), "0");
  EXPECT_TRUE(works(url(token())));
  reset("Default");  // there need not have been one
  EXPECT_EQ(keys(), "2");
}

TEST_F(UrlAuthTest, Mss63AMailboxTakesItsKeyAlong) {
  const auto make = [&](const std::string& path) {
    return change([&](Transaction& tx) -> Result<void> {
      CPM_TRY(made, create_mailbox(tx, alice_, path, SpecialUse::none, limits_));
      static_cast<void>(made);
      return {};
    });
  };
  ASSERT_TRUE(make("A"));
  const std::string old = token("A");
  ASSERT_TRUE(change([&](Transaction& tx) -> Result<void> {
    CPM_TRY(grant, authorize(tx, alice_, "A", kDeleteMailbox));
    return delete_mailbox(tx, grant);
  }));
  EXPECT_EQ(keys(), "0");
  EXPECT_FALSE(works(url(old, "A")));
  ASSERT_TRUE(make("A"));
  EXPECT_FALSE(works(url(old, "A")));
  const std::string now = token("A");
  EXPECT_NE(now, old);
  ASSERT_TRUE(change([&](Transaction& tx) -> Result<void> {
    CPM_TRY(grant, authorize(tx, alice_, "A", kDeleteMailbox));
    CPM_TRY(renamed, rename_mailbox(tx, alice_, grant, "B", limits_));
    static_cast<void>(renamed);
    return {};
  }));
  EXPECT_EQ(keys(), "1");
  EXPECT_FALSE(works(url(now, "A")));
  EXPECT_EQ(token("B"), now);
  // UIDs given anew make what was signed before void, though the key is the same.
  test_.execute("update mailbox set uidvalidity = uidvalidity + 1 where account_id = " +
                std::to_string(alice_.account.value));
  EXPECT_FALSE(works(url(now, "B")));
}

TEST_F(UrlAuthTest, Mss62TheIssuerMustStillBeThere) {
  const std::string right = token();
  const auto disable = [&](bool on) {
    return change([&](Transaction& tx) { return set_disabled(tx, alice_.address, on); });
  };
  ASSERT_TRUE(disable(true));
  EXPECT_FALSE(works(url(right)));
  ASSERT_TRUE(disable(false));
  EXPECT_TRUE(works(url(right)));
  ASSERT_TRUE(change([&](Transaction& tx) { return add_alias(tx, alice_.address, "tel:" + alice_.address); }));
  SignedUrl by_alias = url(right);
  by_alias.user = "tel:" + alice_.address;
  EXPECT_TRUE(works(by_alias));
  ASSERT_TRUE(change([&](Transaction& tx) { return delete_account(tx, alice_.address); }));
  EXPECT_FALSE(works(url(right)));
}

TEST_F(UrlAuthTest, Mss78AServiceIsWhatTheDirectorySaysNow) {
  const std::string name = "pf-" + alice_.address;
  ASSERT_TRUE(change([&](Transaction& tx) {
    return add_service(tx, ServiceRow{name, Role::deposit, {"*@Example.net"}, {}}, std::nullopt);
  }));
  const Principal service{alice_.account, alice_.address, name, Role::deposit};
  const auto entitled = [&](const Principal& who, const std::string& user) {
    return *in_transaction([&](Transaction& tx) -> Result<bool> { return is_service_for(tx, who, user); });
  };
  EXPECT_TRUE(entitled(service, alice_.address));
  EXPECT_TRUE(entitled(service, "nobody@EXAMPLE.net"));
  EXPECT_FALSE(entitled(service, "fred@example.org"));
  EXPECT_FALSE(entitled(service, ""));
  EXPECT_FALSE(entitled(alice_, alice_.address));
  Principal other = service;
  other.actor = alice_.address;
  EXPECT_FALSE(entitled(other, alice_.address));
  ASSERT_TRUE(change([&](Transaction& tx) { return delete_service(tx, name); }));
  EXPECT_FALSE(entitled(service, alice_.address));
}

TEST_F(UrlAuthTest, FirstUsersGetTheSameKey) {
  std::vector<std::thread> threads;
  std::vector<std::string> tokens(4);
  for (std::string& one : tokens) threads.emplace_back([&] { one = token(); });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& one : tokens) EXPECT_EQ(one, token());
}

}  // namespace
}  // namespace cpm::schema
