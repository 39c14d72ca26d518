"""What people see: Folium site maps, overview, charts, offline assets."""
