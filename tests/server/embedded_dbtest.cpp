#include "server/embedded.h"

#include "server/cluster.h"
#include "server/data_directory.h"
#include "tests/server/as_service.h"

#include <gtest/gtest.h>
#include <pqxx/pqxx>

#include <csignal>
#include <fstream>
#include <thread>

namespace cpm::server {
namespace {

using namespace std::chrono_literals;

EmbeddedSettings settings_for(const ServiceDirectory& directory, const User& user) {
  EmbeddedSettings settings;
  settings.directory = directory.path();
  settings.shared_buffers = 16 << 20;
  settings.user = user;
  return settings;
}

std::string query(const std::string& url, const std::string& sql) {
  try {
    pqxx::connection connection(url);
    pqxx::nontransaction work(connection);
    const pqxx::result rows = work.exec(sql);
    return rows.empty() ? "" : rows[0][0].c_str();
  } catch (const std::exception& error) {
    return std::string("error: ") + error.what();
  }
}

bool eventually(const std::function<bool()>& holds, std::chrono::seconds patience = 30s) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (holds()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return holds();
}

// Ended: not there, or only waiting for its parent to notice.
bool gone(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string number;
  std::string name;
  std::string state;
  return !(file >> number >> name >> state) || state == "Z" || state == "X";
}

// Processes that work in the cluster's folder, postmaster and children.
std::size_t processes_in(const std::string& cluster) {
  std::size_t count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    if (std::filesystem::read_symlink(entry.path() / "cwd", error).string() == cluster) ++count;
  }
  return count;
}

// A data directory with a cluster that was made once and copied.
class ClusterDirectory : public ServiceDirectory {
 public:
  ClusterDirectory() {
    static const ServiceDirectory made;
    const std::string source = made.path() + "/pg";
    if (!std::filesystem::exists(source)) {
      as_service([&](const User& user) {
        const auto it = EmbeddedPostgres::start(settings_for(made, user));
        ASSERT_TRUE(it) << it.error().text;
      });
    }
    EXPECT_EQ(std::system(("cp -a " + source + " " + path() + "/pg").c_str()), 0);
  }
};

TEST(Embedded, IsMadeAndKeepsItsData) {
  const ServiceDirectory directory;
  as_service([&](const User& user) {
    {
      auto first = EmbeddedPostgres::start(settings_for(directory, user));
      ASSERT_TRUE(first) << first.error().text;
      const std::string url = (*first)->url();
      EXPECT_TRUE((*first)->ready());
      EXPECT_EQ(query(url, "select current_user || '@' || current_database()"), "cpmstore@cpmstore");
      EXPECT_EQ(query(url, "select rolsuper from pg_roles where rolname = current_user"), "f");
      EXPECT_EQ(query(url, "show fsync") + query(url, "show full_page_writes") + query(url, "show synchronous_commit"),
                "ononon");
      EXPECT_EQ(query(url, "show data_checksums") + query(url, "show server_encoding"), "onUTF8");
      EXPECT_EQ(query(url, "show listen_addresses"), "");
      EXPECT_EQ(query(url, "show wal_compression"), "lz4");
      EXPECT_EQ(query(url, "show jit"), "off");
      EXPECT_EQ(query(url, "create table kept (n int)"), "");
      EXPECT_EQ(query(url, "insert into kept values (7)"), "");
      (*first)->stop();
      EXPECT_FALSE((*first)->ready());
      EXPECT_EQ(processes_in(directory.path() + "/pg"), 0U);
    }
    auto second = EmbeddedPostgres::start(settings_for(directory, user));
    ASSERT_TRUE(second) << second.error().text;
    EXPECT_EQ(query((*second)->url(), "select n from kept"), "7");
  });
  EXPECT_EQ(processes_in(directory.path() + "/pg"), 0U);
}

TEST(Embedded, LocalConfigurationOverrules) {
  const ClusterDirectory directory;
  as_service([&](const User& user) {
    {
      auto first = EmbeddedPostgres::start(settings_for(directory, user));
      ASSERT_TRUE(first) << first.error().text;
    }
    std::ofstream(directory.path() + "/pg/local.conf") << "work_mem = 7MB\n";
    auto second = EmbeddedPostgres::start(settings_for(directory, user));
    ASSERT_TRUE(second) << second.error().text;
    EXPECT_EQ(query((*second)->url(), "show work_mem"), "7MB");
  });
}

TEST(Embedded, ComesBackWhenItsPostmasterIsKilled) {
  const ClusterDirectory directory;
  as_service([&](const User& user) {
    auto it = EmbeddedPostgres::start(settings_for(directory, user));
    ASSERT_TRUE(it) << it.error().text;
    EXPECT_EQ(query((*it)->url(), "create table kept as select 7 as n"), "");
    for (int round = 0; round < 2; ++round) {
      const pid_t killed = (*it)->postmaster();
      ::kill(killed, SIGKILL);
      ASSERT_TRUE(eventually([&] {
        static_cast<void>((*it)->tend());
        return (*it)->postmaster() != killed && (*it)->ready();
      }));
      EXPECT_EQ(query((*it)->url(), "select n from kept"), "7");
    }
  });
}

// A server process that starts the database, tells the postmaster's number, and waits to be killed.
struct KilledServer {
  pid_t server = -1;
  pid_t postmaster = -1;

  explicit KilledServer(const ServiceDirectory& directory) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    server = fork_service([&](const User& user) {
      auto it = EmbeddedPostgres::start(settings_for(directory, user));
      const pid_t number = it ? (*it)->postmaster() : -1;
      if (it) query((*it)->url(), "create table if not exists kept as select 7 as n");
      if (::write(ends[1], &number, sizeof number) != sizeof number) ::_exit(1);
      ::pause();
    });
    ::close(ends[1]);
    if (::read(ends[0], &postmaster, sizeof postmaster) != sizeof postmaster) postmaster = -1;
    ::close(ends[0]);
  }
  void kill_server() const {
    ::kill(server, SIGKILL);
    int status = 0;
    ::waitpid(server, &status, 0);
  }
};

TEST(Embedded, EndsWhenItsServerIsKilled) {
  const ClusterDirectory directory;
  const KilledServer it(directory);
  ASSERT_GT(it.postmaster, 0);
  it.kill_server();
  EXPECT_TRUE(eventually([&] { return gone(it.postmaster); }));
  EXPECT_TRUE(eventually([&] { return processes_in(directory.path() + "/pg") == 0; }));
}

TEST(Embedded, StartsRightAfterItsServerWasKilled) {
  const ClusterDirectory directory;
  const KilledServer it(directory);
  ASSERT_GT(it.postmaster, 0);
  it.kill_server();
  as_service([&](const User& user) {
    auto next = EmbeddedPostgres::start(settings_for(directory, user));
    ASSERT_TRUE(next) << next.error().text;
    EXPECT_EQ(query((*next)->url(), "select n from kept"), "7");
    EXPECT_TRUE(gone(it.postmaster));
  });
}

TEST(Embedded, StartsRightAfterServerAndPostmasterWereKilled) {
  const ClusterDirectory directory;
  const KilledServer it(directory);
  ASSERT_GT(it.postmaster, 0);
  ::kill(it.postmaster, SIGKILL);
  it.kill_server();
  as_service([&](const User& user) {
    auto next = EmbeddedPostgres::start(settings_for(directory, user));
    ASSERT_TRUE(next) << next.error().text;
    EXPECT_EQ(query((*next)->url(), "select n from kept"), "7");
  });
  EXPECT_EQ(processes_in(directory.path() + "/pg"), 0U);
}

// A postmaster whose death signal was missed: stopped in that moment, say.
TEST(Embedded, EndsAStrayPostmaster) {
  const ClusterDirectory directory;
  const KilledServer it(directory);
  ASSERT_GT(it.postmaster, 0);
  as_service([&](const User&) {
    const auto ended = end_stray_postmaster(directory.path() + "/pg", 30s);
    EXPECT_TRUE(ended) << ended.error().text;
    EXPECT_EQ(processes_in(directory.path() + "/pg"), 0U);
    EXPECT_TRUE(gone(it.postmaster));
  });
  it.kill_server();
}

TEST(Embedded, ThrowsAHalfMadeClusterAway) {
  const ServiceDirectory directory;
  as_service([&](const User& user) {
    std::filesystem::create_directory(directory.path() + "/pg.tmp");
    std::ofstream(directory.path() + "/pg.tmp/PG_VERSION") << "15\n";
    auto it = EmbeddedPostgres::start(settings_for(directory, user));
    ASSERT_TRUE(it) << it.error().text;
    EXPECT_FALSE(std::filesystem::exists(directory.path() + "/pg.tmp"));
  });
}

TEST(Embedded, RefusesAnotherMajorVersion) {
  const ServiceDirectory directory;
  as_service([&](const User& user) {
    std::filesystem::create_directory(directory.path() + "/pg");
    std::ofstream(directory.path() + "/pg/PG_VERSION") << "9\n";
    const auto refused = EmbeddedPostgres::start(settings_for(directory, user));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().failure, Failure::unsupported);
    EXPECT_TRUE(
        refused.error().text.starts_with("the embedded database was made by PostgreSQL 9, which is not installed"))
        << refused.error().text;
    EXPECT_NE(refused.error().text.find("apt-get install postgresql-9"), std::string::npos);
  });
}

TEST(Embedded, RefusesAFolderThatIsNoCluster) {
  const ServiceDirectory directory;
  as_service([&](const User& user) {
    std::filesystem::create_directory(directory.path() + "/pg");
    std::ofstream(directory.path() + "/pg/something") << "x";
    const auto refused = EmbeddedPostgres::start(settings_for(directory, user));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find("is not empty and not a PostgreSQL data directory"), std::string::npos)
        << refused.error().text;
  });
}

TEST(Embedded, NamesWhatPostgresSays) {
  const ClusterDirectory directory;
  as_service([&](const User& user) {
    {
      auto first = EmbeddedPostgres::start(settings_for(directory, user));
      ASSERT_TRUE(first) << first.error().text;
    }
    std::ofstream(directory.path() + "/pg/local.conf") << "no_such_setting = 1\n";
    const auto refused = EmbeddedPostgres::start(settings_for(directory, user));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find("did not start (exit code 1)"), std::string::npos) << refused.error().text;
    EXPECT_NE(refused.error().text.find("no_such_setting"), std::string::npos) << refused.error().text;
  });
}

TEST(Embedded, UsesARunFolderForALongPath) {
  const ServiceDirectory directory;
  as_service([&](const User& user) {
    const std::string deep = directory.path() + "/" + std::string(90, 'd');
    std::filesystem::create_directory(deep);
    auto settings = settings_for(directory, user);
    settings.directory = deep;
    auto it = EmbeddedPostgres::start(settings);
    ASSERT_TRUE(it) << it.error().text;
    EXPECT_EQ(query((*it)->url(), "select 1"), "1");
    const std::string url = (*it)->url();
    const std::string socket = url.substr(6, url.find('\'', 6) - 6);
    EXPECT_FALSE(socket.starts_with(deep)) << socket;
    it->reset();
    std::filesystem::remove_all(socket);
  });
}

TEST(Embedded, RootMayConnectToo) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const ClusterDirectory directory;
  const KilledServer it(directory);
  ASSERT_GT(it.postmaster, 0);
  EXPECT_EQ(query("host=" + directory.path() + "/run user=cpmstore dbname=cpmstore", "select n from kept"), "7");
  it.kill_server();
  EXPECT_TRUE(eventually([&] { return gone(it.postmaster); }));
}

TEST(Embedded, DoesNotRunAsRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto refused = EmbeddedPostgres::start({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::denied);
}

TEST(PgBinaries, RefuseAFolderWithoutThem) {
  const auto refused = find_pg_binaries("/tmp");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "database.bin_dir is /tmp, but there are no working initdb and postgres in it");
}

}  // namespace
}  // namespace cpm::server
